/** Messages between the gateway and a worker process. Paths and small results cross; audio samples never do. */
import type { LogFields } from '../logger.ts';
import type { ModelDefinition, RunInput, Task, Tasks } from '../models/define-model.ts';

/** A failure as it crosses: `message` is safe for callers, `detail` is for the log. */
export interface WireError {
  code: string;
  message: string;
  param?: string | undefined;
  detail?: string | undefined;
}

export interface LoadMessage {
  type: 'load';
  /** Module whose `families` export lists what can be loaded. */
  modelListUrl: string;
  modelId: string;
  /** A model that an operator added to one of the families: the module does not list it. */
  registered?: { family: string; definition: ModelDefinition } | undefined;
  /** Which of the model's precisions; undefined where it has no choice. */
  dtype: string | undefined;
  /** Snapshot folder of the model's repository, and of each auxiliary one by role. */
  snapshotDir: string;
  auxiliaryDirs: Record<string, string>;
  /** Where files derived from the snapshot may be kept. */
  derivedDir: string;
  device: string;
  /** The operator's wish: see `LoadContext.maxBatch`. */
  maxBatch: number | undefined;
  threads: number;
  ffmpegPath: string;
  ffprobePath: string;
}

export type ToWorker =
  | LoadMessage
  | { type: 'run'; id: number; input: RunInput; params: Tasks[Task]['params'] }
  | { type: 'cancel'; id: number }
  | { type: 'ping' }
  | { type: 'shutdown' };

export type FromWorker =
  | { type: 'ready'; residentBytes: number }
  | { type: 'pong'; residentBytes: number }
  | { type: 'load-failed'; error: WireError }
  | { type: 'event'; id: number; event: Tasks[Task]['event'] }
  | { type: 'result'; id: number; result: Tasks[Task]['result'] }
  | { type: 'error'; id: number; error: WireError }
  | { type: 'log'; message: string; fields: LogFields };
