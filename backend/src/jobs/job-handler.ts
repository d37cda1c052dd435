/** What the runner needs of a task. `app.ts` registers the handlers. */
import type { JobRow } from '../store/jobs.ts';
import type { Provenance } from './manifest.ts';

export interface JobWork {
  job: JobRow;
  /** Absolute path of the audio. */
  inputPath: string;
  /** For files that a later attempt on this machine may use; gone when the job is over. */
  workDir: string;
  /** What earlier attempts stored. */
  checkpoint: { windows: readonly unknown[]; position: unknown } | undefined;
  signal: AbortSignal;
  /** Stored behind those before it; index 0 says that the work began anew. */
  saveWindow(window: FinishedWindow): void;
  /** A model of the work begins to run on that device. */
  placed(place: { device: string }): void;
  /** What the work is at now, and how much of that is done, from 0 to 1. */
  enterStage(stage: string, done: number): void;
}

export interface FinishedWindow {
  index: number;
  window: unknown;
  position: unknown;
  /** Audio seconds from the start up to its end. */
  end: number;
  segments: readonly { start: number; end: number; text: string }[];
}

export interface OutcomeFile {
  name: string;
  contentType: string;
  content: string | { path: string };
  /** See `ArtifactTable.stage_key`. */
  stageKey?: string | undefined;
}

export interface JobOutcome {
  /** Stored as `result.json`. */
  result: unknown;
  /** See `ArtifactTable.stage_key`, where `result` is what a single stage made. */
  stageKey?: string | undefined;
  /** Other files, by name. */
  files: readonly OutcomeFile[];
  audioSeconds: number;
  /** See `JobTable.request_key`; undefined where no later request can be known to be equal. */
  requestKey: string | undefined;
  provenance: Provenance;
}

export type JobHandler = (work: JobWork) => Promise<JobOutcome>;
