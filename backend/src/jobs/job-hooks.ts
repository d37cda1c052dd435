/** Who has a part in a job's transactions: the audit log, the reservation of audio seconds, webhooks. */
import type { Transaction } from 'kysely';
import type { JobRow } from '../store/jobs.ts';
import type { Schema } from '../store/schema.ts';

export interface Creation {
  /** Id of the request that goes on as this job. */
  takesOver: string | undefined;
  /** An equal result was there: it ends in the same transaction. */
  isDone: boolean;
  /** It was over, and is tried again. */
  isRetry?: boolean;
}

export interface JobHooks {
  /** @throws what the caller gets instead of a job: a limit that is reached. */
  created?(transaction: Transaction<Schema>, job: JobRow, how: Creation): Promise<void>;
  /** Succeeded, failed or cancelled; `job.cached` tells that nothing was computed for it. */
  ended?(transaction: Transaction<Schema>, job: JobRow): Promise<void>;
}
