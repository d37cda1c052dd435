import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../backend/src/logger.ts';
import { WorkerProcess, type WorkerProcessOptions } from '../../backend/src/worker/worker-process.ts';
import { FAKE_MODEL_LIST } from './fake-models/index.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** A worker process without a gateway around it. */
export function createEchoWorker(snapshotDir: string, load: Partial<WorkerProcessOptions['load']> = {}): WorkerProcess {
  return new WorkerProcess({
    hungAfterMs: 60_000,
    loadTimeoutMs: 60_000,
    load: {
      modelListUrl: FAKE_MODEL_LIST,
      modelId: 'fake/echo',
      dtype: undefined,
      maxBatch: undefined,
      snapshotDir,
      auxiliaryDirs: {},
      derivedDir: join(tmpdir(), 'audio-gateway-derived-unused'),
      device: 'cpu',
      threads: 1,
      ffmpegPath: 'ffmpeg',
      ffprobePath: 'ffprobe',
      ...load,
    },
    environment: { PATH: process.env.PATH ?? '' },
    log: silent,
  });
}
