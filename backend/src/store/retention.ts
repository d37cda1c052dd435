/** Deletes what has been kept long enough: in small transactions, of one gateway at a time. */
import { type Generated, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { JobStatus, JobTask } from '../contract/jobs.ts';
import { appendAudit } from './audit.ts';
import type { ArtifactRow, JobRow, JobStore } from './jobs.ts';
import type { Schema } from './schema.ts';

/** What stays of a job when its time is over, until its owner or user is erased: the names that the audit log has not. */
export interface JobRecordTable {
  job_id: string;
  owner: string;
  /** `metadata.user` of the request. */
  end_user: string | null;
  task: JobTask;
  model: string;
  status: JobStatus;
  error_code: string | null;
  input_name: string | null;
  input_sha256: string | null;
  input_bytes: number | null;
  audio_seconds: number | null;
  /** `manifest.json`, to the byte; null where there was none. */
  manifest: string | null;
  created_at: Date;
  finished_at: Date;
  recorded_at: Generated<Date>;
}

export type JobRecordRow = Selectable<JobRecordTable>;

/** Of something that may be one of several batches. */
export interface Batch {
  /** Jobs that were changed; fewer than asked for: there are no more. */
  jobs: number;
  /** In the artifact store; to be deleted unless somebody needs them. */
  keys: string[];
}

export interface ExpireOptions {
  days: number;
  limit: number;
  /** As the job's row in the audit log names it. */
  publicId(job: JobRow): string;
  /** undefined: the file is gone. */
  readManifest(artifact: ArtifactRow): Promise<string | undefined>;
}

/** Any number, the same in every gateway. */
const SWEEP_LOCK = 4_207_849_485;
const MANIFEST = 'manifest.json';

export class RetentionStore {
  readonly #db: Kysely<Schema>;
  readonly #jobs: JobStore;

  constructor(db: Kysely<Schema>, jobs: JobStore) {
    this.#db = db;
    this.#jobs = jobs;
  }

  /** Lets go the audio of jobs that have been over for so long. @returns undefined while another gateway is at it. */
  async dropInputs({ hours, limit }: { hours: number; limit: number }): Promise<Batch | undefined> {
    return this.#exclusively(async (transaction) => {
      const jobs = await transaction
        .selectFrom('jobs')
        .select(['id', 'input_key'])
        .where('input_key', 'is not', null)
        .where('finished_at', '<=', sql<Date>`now() - make_interval(hours => ${hours})`)
        .orderBy('finished_at')
        .limit(limit)
        .forUpdate()
        .skipLocked()
        .execute();
      const ids = jobs.map(({ id }) => id);
      if (ids.length > 0) {
        await transaction.updateTable('jobs').set({ input_key: null }).where('id', 'in', ids).execute();
      }
      return { jobs: jobs.length, keys: jobs.flatMap(({ input_key }) => (input_key === null ? [] : [input_key])) };
    });
  }

  /** Deletes jobs that have been over for so long; their records stay. @returns undefined while another gateway is at it. */
  async expireJobs({ days, limit, publicId, readManifest }: ExpireOptions): Promise<Batch | undefined> {
    return this.#exclusively(async (transaction) => {
      const jobs = await transaction
        .selectFrom('jobs')
        .selectAll()
        .where('finished_at', '<=', sql<Date>`now() - make_interval(days => ${days})`)
        .orderBy('finished_at')
        .limit(limit)
        .forUpdate()
        .skipLocked()
        .execute();
      const keys: string[] = [];
      for (const job of jobs) {
        const artifacts = await this.#jobs.artifacts([job.id], transaction);
        const manifest = artifacts.find(({ name }) => name === MANIFEST);
        await transaction
          .insertInto('job_records')
          .values({
            job_id: job.id,
            owner: job.owner,
            end_user: job.metadata.user ?? null,
            task: job.task,
            model: job.model,
            status: job.status,
            error_code: job.error?.code ?? null,
            input_name: job.input_name,
            input_sha256: job.input_sha256,
            input_bytes: job.input_bytes,
            audio_seconds: job.audio_seconds,
            manifest: manifest === undefined ? null : ((await readManifest(manifest)) ?? null),
            created_at: job.created_at,
            finished_at: job.finished_at ?? job.created_at,
          })
          .onConflict((conflict) => conflict.column('job_id').doNothing())
          .execute();
        keys.push(...(await this.#jobs.delete(transaction, job.id)));
      }
      for (const job of jobs) {
        const event = { actor: 'retention', action: 'job.expired', subject: publicId(job), result: 'success' } as const;
        await appendAudit(transaction, event);
      }
      return { jobs: jobs.length, keys };
    });
  }

  /** Idempotency keys stand for a job for 24 h. @returns how many were deleted; undefined while another gateway is at it. */
  async dropIdempotencyKeys(limit: number): Promise<number | undefined> {
    return this.#exclusively(async (transaction) => {
      const { numAffectedRows } = await sql`
        delete from idempotency_keys where ctid = any (array(
          select ctid from idempotency_keys where created_at <= now() - interval '24 hours' limit ${limit}))
      `.execute(transaction);
      return Number(numAffectedRows ?? 0);
    });
  }

  /** Those of `ids` that stand for a job which is not over. */
  async unfinished(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const rows = await this.#db
      .selectFrom('jobs')
      .select('id')
      .where('id', 'in', ids)
      .where('status', 'in', ['queued', 'running'])
      .execute();
    return new Set(rows.map(({ id }) => id));
  }

  async #exclusively<T>(work: (transaction: Transaction<Schema>) => Promise<T>): Promise<T | undefined> {
    return this.#db.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ held: boolean }>`
        select pg_try_advisory_xact_lock(${sql.lit(SWEEP_LOCK)}) as held`.execute(transaction);
      return rows[0]?.held === true ? work(transaction) : undefined;
    });
  }
}
