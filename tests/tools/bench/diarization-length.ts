/**
 * What diarization costs as recordings get longer, through a worker as the gateway starts it: real ffmpeg, real
 * segmentation, real clustering, and the stand-in where the voiceprints come from, which costs next to nothing. A real
 * embedding's time is in proportion to the windows: `npm run bench -- diarization` has it.
 */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  DIARIZATION_MODES,
  type Diarization,
  type DiarizationEvent,
  type DiarizationParams,
} from '../../../backend/src/contract/diarization.ts';
import type { Logger } from '../../../backend/src/logger.ts';
import { DEFAULT_MODEL_LIST } from '../../../backend/src/models/load-model-list.ts';
import pyannote, { type PyannoteSettings, SEGMENTATION_ROLE } from '../../../backend/src/models/pyannote/definition.ts';
import { countDiarizationErrors, diarizationErrorRate } from '../../../backend/src/text/der.ts';
import type { Turn } from '../../../backend/src/text/turn.ts';
import { WorkerProcess } from '../../../backend/src/worker/worker-process.ts';
import { shared } from '../../support/shared.ts';
import { standInEmbedding } from '../../support/stand-in-embedding.ts';
import { UsageError } from '../command-line.ts';
import type { BenchReport } from '../report.ts';
import { bytesOf, conversationOf, readVoices } from './diarization-audio.ts';
import { PLDA_REPO, SEGMENTATION_REPO } from './diarization-model.ts';
import { writeFlac } from './long-audio.ts';
import { memoryOf, resetPeak } from './process-memory.ts';
import { stageClock } from './stage-clock.ts';

const DEFAULT_HOURS = [1 / 6, 1, 4];
/** Finds the readers by the distance of centroids; community-1's PLDA knows nothing of the stand-in's vectors. */
const DEFAULT_MODEL = 'pyannote-3.1';
/** Goals: MiB, and time of an hour in the longest recording relative to one in the shortest. */
const MAX_PEAK_MIB = 2 * 1024;
const MAX_GROWTH = 1.25;
const THREADS = 2;
const STAGES = ['decoding', 'segmentation', 'embedding', 'clustering'] as const;

type Mode = (typeof DIARIZATION_MODES)[number];

interface Options {
  model: string;
  modes: readonly Mode[];
  hours: readonly number[];
}

interface Measured {
  seconds: number;
  /** Milliseconds. */
  stages: Record<string, number>;
  loadedMib: number;
  peakMib: number;
  result: Diarization;
}

/** `args`: modes, hours, a model's id; each has its default. */
export async function measureLengths(args: readonly string[]): Promise<BenchReport> {
  const { model, modes, hours } = readOptions(args);
  const report: BenchReport = {
    name: 'diarization length',
    pass: true,
    figures: { model, threads: THREADS, 'load average at the start': Number(loadavg()[0]?.toFixed(2)) },
    table: [
      ['mode, hours', 's', ...STAGES.map((stage) => `${stage} s`), 's per hour', 'peak MiB', 'speakers', 'DER %'],
    ],
  };
  const folder = await mkdtemp(join(tmpdir(), 'audio-gateway-bench-'));
  try {
    const snapshot = join(folder, 'model');
    await writeSnapshot(model, snapshot);
    const voices = await readVoices();
    const perHour = new Map<Mode, number[]>(modes.map((mode) => [mode, []]));
    for (const length of hours) {
      const audio = join(folder, `${length}.flac`);
      const { blocks, reference } = conversationOf(voices, 3600 * length);
      await writeFlac(audio, bytesOf(blocks()));
      for (const mode of modes) {
        const pcmPath = join(folder, `${mode}-${length}.s16`);
        const measured = await measure({ model, snapshot, audio, pcmPath }, { mode });
        const row = rowOf(mode, length, reference, measured);
        console.error(row.join('  '));
        report.table.push(row);
        perHour.get(mode)?.push(measured.seconds / length);
        report.figures['RSS when loaded, MiB'] = Number(measured.loadedMib.toFixed(0));
        if (!(measured.peakMib < MAX_PEAK_MIB)) report.pass = false;
        await rm(pcmPath);
      }
      await rm(audio);
    }
    for (const [mode, costs] of perHour) {
      const growth = (costs.at(-1) ?? Number.NaN) / (costs[0] ?? Number.NaN);
      report.figures[`${mode}: cost of an hour, longest relative to shortest (goal ${MAX_GROWTH})`] = Number(
        growth.toFixed(3),
      );
      if (!(growth <= MAX_GROWTH)) report.pass = false;
    }
    report.figures['load average at the end'] = Number(loadavg()[0]?.toFixed(2));
    return report;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function readOptions(args: readonly string[]): Options {
  const modes = DIARIZATION_MODES.filter((mode) => args.includes(mode));
  const ids = pyannote.models.map(({ id }) => id).filter((id) => args.includes(id));
  const hours = args.map(Number).filter((value) => value > 0);
  if (ids.length > 1 || modes.length + ids.length + hours.length < args.length) {
    throw new UsageError(`Arguments: length [exact] [fast] [HOURS ...] [MODEL]; not '${args.join(' ')}'`);
  }
  return {
    model: ids[0] ?? DEFAULT_MODEL,
    modes: modes.length > 0 ? modes : DIARIZATION_MODES,
    hours: (hours.length > 0 ? hours : DEFAULT_HOURS).toSorted((a, b) => a - b),
  };
}

/** A snapshot of the model as the hub has it, but for the stand-in. */
async function writeSnapshot(id: string, snapshot: string): Promise<void> {
  const model = pyannote.models.find((listed) => listed.id === id);
  const settings = model?.settings as PyannoteSettings;
  for (const file of model?.files ?? []) {
    const path = join(snapshot, file);
    await mkdir(dirname(path), { recursive: true });
    if (file === settings.embedding) await writeFile(path, standInEmbedding());
    else await copyFile(shared(PLDA_REPO, file), path);
  }
}

interface Paths {
  model: string;
  snapshot: string;
  audio: string;
  pcmPath: string;
}

/** In a worker of its own, so that no run finds the memory of another. */
async function measure({ model, snapshot, audio, pcmPath }: Paths, params: DiarizationParams): Promise<Measured> {
  const worker = new WorkerProcess({
    hungAfterMs: 600_000,
    loadTimeoutMs: 600_000,
    load: {
      modelListUrl: DEFAULT_MODEL_LIST,
      modelId: model,
      maxBatch: undefined,
      dtype: undefined,
      snapshotDir: snapshot,
      auxiliaryDirs: { [SEGMENTATION_ROLE]: shared(SEGMENTATION_REPO) },
      derivedDir: join(snapshot, 'derived'),
      device: 'cpu',
      threads: THREADS,
      ffmpegPath: 'ffmpeg',
      ffprobePath: 'ffprobe',
    },
    environment: { PATH: process.env.PATH ?? '' },
    log: QUIET,
  });
  try {
    await worker.ready;
    const pid = worker.pid ?? Number.NaN;
    const loadedMib = memoryOf(pid).resident;
    resetPeak(pid);
    let highest = 0;
    const sampler = setInterval(() => {
      highest = Math.max(highest, memoryOf(pid).resident);
    }, 200);
    const clock = stageClock();
    const startedAt = performance.now();
    const result = (await worker
      .run({
        input: { audioPath: audio, limits: { maxSeconds: 1e6, maxDecodedBytes: 1e12 }, resume: { pcmPath } },
        params,
        onEvent: (event) => clock.hear(event as DiarizationEvent),
      })
      .result.finally(() => clearInterval(sampler))) as Diarization;
    const seconds = (performance.now() - startedAt) / 1000;
    // The kernel's own high-water mark; samples stand in where it cannot be reset.
    const peakMib = Math.max(memoryOf(pid).peak ?? 0, highest);
    return { seconds, stages: clock.end(), loadedMib, peakMib, result };
  } finally {
    worker.kill();
    await worker.exited;
  }
}

function rowOf(mode: Mode, hours: number, reference: readonly Turn[], measured: Measured): string[] {
  const { seconds, stages, peakMib, result } = measured;
  const der = diarizationErrorRate(countDiarizationErrors(reference, result.turns));
  return [
    `${mode}, ${Number(hours.toFixed(2))} h`,
    seconds.toFixed(1),
    ...STAGES.map((stage) => ((stages[stage] ?? 0) / 1000).toFixed(1)),
    (seconds / hours).toFixed(0),
    peakMib.toFixed(0),
    `${result.speakers.length}`,
    (100 * der).toFixed(2),
  ];
}

const QUIET: Logger = { debug() {}, info() {}, warn: console.error, error: console.error, child: () => QUIET };
