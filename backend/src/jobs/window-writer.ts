/** Stores a job's windows and stages in order while it goes on; waits out a database that is away. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../errors.ts';
import type { Claim, JobStore } from '../store/jobs.ts';
import type { FinishedWindow } from './job-handler.ts';

/** Somebody else has the job by now, or it is over. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost';
}

const PAUSE_MS = 250;
/** A database that is away for longer takes the job's claim with it. */
const PATIENCE_MS = 60_000;

export interface WindowWriter {
  save(window: FinishedWindow): void;
  /** What the work is at now. */
  enter(stage: string, done: number): void;
  place(device: string): void;
  /** @throws ClaimLost */
  flush(): Promise<void>;
}

/** `onLost` is called once, as soon as it is known. */
export function createWindowWriter(
  store: JobStore,
  claim: Claim,
  audioSeconds: number | null,
  onLost: (error: unknown) => void,
): WindowWriter {
  let last: Promise<void> = Promise.resolve();
  const startedAt = Date.now();
  let firstEnd: number | undefined;

  async function write({ index, window, position, end, segments }: FinishedWindow): Promise<void> {
    firstEnd ??= end;
    const speed = (end - firstEnd) / Math.max(0.001, (Date.now() - startedAt) / 1000);
    const eta = audioSeconds === null || speed <= 0 ? null : Math.max(0, audioSeconds - end) / speed;
    const stands = await patiently(() =>
      store.transaction((transaction) =>
        store.addWindow(transaction, claim, {
          index,
          window,
          position,
          processedSeconds: end,
          event: {
            type: 'job.progress',
            processed_seconds: end,
            total_seconds: audioSeconds,
            eta_seconds: eta === null ? null : Math.round(10 * eta) / 10,
            segments: [...segments],
          },
        }),
      ),
    );
    if (!stands) throw new ClaimLost();
  }

  async function writeStage(stage: string, done: number): Promise<void> {
    const stands = await patiently(() =>
      store.transaction((transaction) => store.setStage(transaction, claim, stage, Math.round(1000 * done) / 1000)),
    );
    if (!stands) throw new ClaimLost();
  }

  async function writePlace(device: string): Promise<void> {
    const stands = await patiently(() =>
      store.transaction((transaction) => store.setDevice(transaction, claim, device)),
    );
    if (!stands) throw new ClaimLost();
  }

  return {
    save(window) {
      last = last.then(() => write(window));
      last.catch(onLost);
    },
    enter(stage, done) {
      last = last.then(() => writeStage(stage, done));
      last.catch(onLost);
    },
    place(device) {
      last = last.then(() => writePlace(device));
      last.catch(onLost);
    },
    flush: () => last,
  };
}

/** Again and again while the database cannot be reached. Only for what may happen twice. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isAway = error instanceof GatewayError && error.code === 'database_unavailable';
      if (!isAway || Date.now() > deadline) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
