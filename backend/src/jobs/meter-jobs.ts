/**
 * Audio seconds of jobs: held with the job, for as long as its container says it is; then for as long as it really is, before
 * the model sees any of it; charged when there is a result that was computed, given back otherwise.
 */
import type { Transaction } from 'kysely';
import type { Schema } from '../store/schema.ts';
import { handOver, hold, release, settle } from '../store/usage.ts';
import type { JobHooks } from './job-hooks.ts';
import { publicJobId } from './job-id.ts';

export const meterJobs: JobHooks = {
  async created(transaction, job, { takesOver, isDone }) {
    if (isDone) return;
    const reference = publicJobId(job.id);
    if (takesOver !== undefined) await handOver(transaction, takesOver, reference);
    // What waits for an equal job costs nothing, unless it has to compute after all.
    const seconds = job.leader === null ? Math.ceil(job.audio_seconds ?? 0) : 0;
    await hold(transaction, { owner: job.owner, reference, seconds });
  },
  async ended(transaction, job) {
    const reference = publicJobId(job.id);
    if (job.status === 'succeeded' && !job.cached) {
      const { owner, model } = job;
      await settle(transaction, { owner, reference, model, seconds: Math.ceil(job.audio_seconds ?? 0) });
    } else {
      await release(transaction, reference);
    }
  },
};

/** Its audio turned out to be so long. @throws insufficient_quota */
export async function holdAll(
  transaction: Transaction<Schema>,
  job: { id: string; owner: string },
  seconds: number,
): Promise<void> {
  await hold(transaction, { owner: job.owner, reference: publicJobId(job.id), seconds: Math.ceil(seconds) });
}
