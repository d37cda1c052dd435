/** Stores a job's windows and stages in order while it goes on; waits out a database that is away. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import { GatewayError } from '../errors.ts';
import type { Claim, JobStore } from '../store/jobs.ts';
import type { Schema } from '../store/schema.ts';
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

interface WindowWriterOptions {
  /** Called once, as soon as it is known. */
  onLost: (error: unknown) => void;
  /** A process that ends does not wait for a database that is away. */
  stopping: AbortSignal;
}

export function createWindowWriter(
  store: JobStore,
  claim: Claim,
  audioSeconds: number | null,
  { onLost, stopping }: WindowWriterOptions,
): WindowWriter {
  let last: Promise<void> = Promise.resolve();
  const startedAt = Date.now();
  let firstEnd: number | undefined;

  async function write({ index, window, position, end, segments }: FinishedWindow): Promise<void> {
    firstEnd ??= end;
    const speed = (end - firstEnd) / Math.max(0.001, (Date.now() - startedAt) / 1000);
    const eta = audioSeconds === null || speed <= 0 ? null : Math.max(0, audioSeconds - end) / speed;
    await under((transaction) =>
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
    );
  }

  /** @param work says whether the claim stands */
  async function under(work: (transaction: Transaction<Schema>) => Promise<boolean>): Promise<void> {
    const stands = await patiently(() => store.transaction(work), stopping);
    if (!stands) throw new ClaimLost();
  }

  function queue(work: () => Promise<void>): void {
    last = last.then(work);
    last.catch(onLost);
  }

  return {
    save: (window) => queue(() => write(window)),
    enter: (stage, done) =>
      queue(() => under((transaction) => store.setStage(transaction, claim, stage, Math.round(1000 * done) / 1000))),
    place: (device) => queue(() => under((transaction) => store.setDevice(transaction, claim, device))),
    flush: () => last,
  };
}

/** Again and again while the database cannot be reached. Only for what may happen twice. */
export async function patiently<T>(work: () => Promise<T>, stopping?: AbortSignal): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isAway = error instanceof GatewayError && error.code === 'database_unavailable';
      if (!isAway || Date.now() > deadline || stopping?.aborted) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
