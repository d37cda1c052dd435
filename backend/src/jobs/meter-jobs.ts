/**
 * Audio seconds of jobs: reserved with the job, for as long as its container says it is; then for as long as it really is,
 * before the model sees any of it; charged when there is a result that was computed, given back otherwise.
 */
import type { Transaction } from 'kysely';
import type { Schema } from '../store/schema.ts';
import { release, reserve, settle } from '../store/usage.ts';
import type { JobHooks } from './job-hooks.ts';
import { publicJobId } from './job-id.ts';

export const meterJobs: JobHooks = {
  async created(transaction, job) {
    await reserve(transaction, {
      owner: job.owner,
      reference: publicJobId(job.id),
      seconds: Math.ceil(job.audio_seconds ?? 0),
    });
  },
  async ended(transaction, job) {
    const reference = publicJobId(job.id);
    if (job.status === 'succeeded' && !job.cached) {
      await settle(transaction, { owner: job.owner, reference, seconds: Math.ceil(job.audio_seconds ?? 0) });
    } else {
      await release(transaction, reference);
    }
  },
};

/** The audio is longer than was reserved. @throws insufficient_quota */
export async function reserveMore(
  transaction: Transaction<Schema>,
  job: { id: string; owner: string },
  seconds: number,
): Promise<void> {
  await reserve(transaction, { owner: job.owner, reference: publicJobId(job.id), seconds });
}
