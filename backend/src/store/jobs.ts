/**
 * Jobs in the database. Whoever changes a job does so inside a transaction that it shares with the queue, the audit log
 * and the reservation of audio seconds: all of it happens or none.
 */
import { randomUUID } from 'node:crypto';
import {
  type ColumnType,
  type Generated,
  type Insertable,
  type Kysely,
  type Selectable,
  sql,
  type Transaction,
} from 'kysely';
import type { JobError, JobEvent, JobStatus, JobTask } from '../contract/jobs.ts';
import type { Schema } from './schema.ts';

type Json<T> = ColumnType<T, string, string>;

export interface JobTable {
  id: string;
  /** Id of the key record that asked for it; `anonymous` for callers without one. */
  owner: string;
  task: JobTask;
  /** Id in the catalog. */
  model: string;
  status: JobStatus;
  /** Higher ones first. */
  priority: Generated<number>;
  /** Of the task's own form. */
  request: Json<unknown>;
  metadata: Json<Record<string, string>>;
  webhook_url: string | null;
  /** Equal for requests whose results are equal: owner, input, parameters, model and everything it depends on. */
  request_key: string | null;
  may_reuse: boolean;
  /** The equal job that computes; this one gets its result, and has no entry in the queue. */
  leader: string | null;
  /** The result is another job's. */
  cached: Generated<boolean>;
  /** In the artifact store; null when it has been fetched from nowhere yet, or was deleted. */
  input_key: string | null;
  input_name: string | null;
  input_sha256: string | null;
  input_bytes: number | null;
  url: string | null;
  /** Estimated from the container until it is known. */
  audio_seconds: number | null;
  processed_seconds: Generated<number>;
  /** What the attempt is at, of work in several stages, and how much of that is done, from 0 to 1. */
  stage: string | null;
  stage_done: number | null;
  /** Spent in all attempts. */
  compute_seconds: Generated<number>;
  /** Of the claim that may write; an older one's writes are refused. */
  attempt: Generated<number>;
  /** Attempts in a row that finished no window. */
  fruitless_attempts: Generated<number>;
  /** Came with the last stored window; its own family knows what it means. */
  position: Json<unknown> | null;
  error: Json<JobError> | null;
  created_at: Generated<Date>;
  started_at: Date | null;
  finished_at: Date | null;
  /** Grows with every change of the row; the database sees to it. */
  rev: Generated<number>;
}

export interface JobWindowTable {
  job_id: string;
  index: number;
  window: Json<unknown>;
}

export interface JobEventTable {
  job_id: string;
  /** From 1 on, without gaps. */
  seq: number;
  event: Json<JobEvent>;
  at: Generated<Date>;
}

export interface ArtifactTable {
  job_id: string;
  name: string;
  /** In the artifact store. Jobs with equal results share it. */
  key: string;
  content_type: string;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
  /** Of the stage whose result it is: equal where owner, input, parameters and models are. */
  stage_key: string | null;
}

export interface IdempotencyTable {
  owner: string;
  key: string;
  fingerprint: string;
  job_id: string;
  created_at: Generated<Date>;
}

export type JobRow = Selectable<JobTable>;
export type ArtifactRow = Selectable<ArtifactTable>;
export type NewJob = Omit<Insertable<JobTable>, 'id' | 'status' | 'request' | 'metadata'> & {
  request: unknown;
  metadata: Record<string, string>;
};

/** Payload: the job's id. */
export const JOB_CHANNEL = 'job_events';
const UNFINISHED: JobStatus[] = ['queued', 'running'];

export class JobStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  transaction<T>(work: (transaction: Transaction<Schema>) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(work);
  }

  async find(id: string, db: Kysely<Schema> = this.#db): Promise<JobRow | undefined> {
    return db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /** What the list and the pages of operators show of jobs, whosever they are. */
  async glance(ids: readonly string[]) {
    if (ids.length === 0) return [];
    return this.#db
      .selectFrom('jobs')
      .select([
        'id',
        'rev',
        'owner',
        'task',
        'model',
        'status',
        'stage',
        'stage_done',
        'processed_seconds',
        'audio_seconds',
        'error',
        'cached',
        'created_at',
        'started_at',
        'finished_at',
      ])
      .where('id', 'in', ids)
      .execute();
  }

  /** Newest first. `after`/`before`: a job of the same owner; the page lies behind or in front of it. */
  async list(filter: JobFilter): Promise<{ jobs: JobRow[]; hasMore: boolean }> {
    const ascending = filter.order === 'asc';
    let query = this.#db.selectFrom('jobs').selectAll();
    if (filter.owner !== undefined) query = query.where('owner', '=', filter.owner);
    if (filter.status !== undefined) query = query.where('status', 'in', filter.status);
    if (filter.task !== undefined) query = query.where('task', '=', filter.task);
    if (filter.model !== undefined) query = query.where('model', '=', filter.model);
    if (filter.createdAfter !== undefined) {
      query = query.where('created_at', '>=', sql<Date>`to_timestamp(${filter.createdAfter})`);
    }
    if (filter.createdBefore !== undefined) {
      query = query.where('created_at', '<', sql<Date>`to_timestamp(${filter.createdBefore})`);
    }
    if (filter.text !== undefined) query = query.where(mentions(filter.text));
    if (filter.after !== undefined) {
      query = query.where(isBefore(filter.after, ascending ? '>' : '<'));
    }
    const direction = ascending ? 'asc' : 'desc';
    const jobs = await query
      .orderBy('created_at', direction)
      .orderBy('id', direction)
      .limit(filter.limit + 1)
      .execute();
    return { jobs: jobs.slice(0, filter.limit), hasMore: jobs.length > filter.limit };
  }

  async artifacts(ids: readonly string[], db: Kysely<Schema> = this.#db): Promise<ArtifactRow[]> {
    if (ids.length === 0) return [];
    return db.selectFrom('artifacts').selectAll().where('job_id', 'in', ids).orderBy('name').execute();
  }

  async windows(id: string): Promise<unknown[]> {
    const rows = await this.#db
      .selectFrom('job_windows')
      .select('window')
      .where('job_id', '=', id)
      .orderBy('index')
      .execute();
    return rows.map(({ window }) => window);
  }

  /** Those behind `seq`, oldest first. */
  async events(id: string, seq: number): Promise<{ seq: number; event: JobEvent }[]> {
    return this.#db
      .selectFrom('job_events')
      .select(['seq', 'event'])
      .where('job_id', '=', id)
      .where('seq', '>', seq)
      .orderBy('seq')
      .execute();
  }

  /** What happened when, without progress; of each stage its beginning. */
  async trace(id: string): Promise<{ event: JobEvent; at: Date }[]> {
    const { rows } = await sql<{ event: JobEvent; at: Date }>`
      select event, at from (
        select seq, event, at, lag(event->>'stage') over (order by seq) as before from job_events
        where job_id = ${id}::uuid and event->>'type' <> 'job.progress') as told
      where event->>'type' <> 'job.stage' or event->>'stage' is distinct from before
      order by seq`.execute(this.#db);
    return rows;
  }

  /** Jobs in front of it, and the audio seconds that lie in them and are not done; undefined seconds are unknown. */
  async ahead(job: JobRow): Promise<{ jobs: number; seconds: number }> {
    const inFront = sql`(priority > ${job.priority} or (priority = ${job.priority} and ${isBefore(job.id, '<')}))`;
    const { jobs, seconds } = await this.#db
      .selectFrom('jobs')
      .select([
        sql<number>`count(*) filter (where status = 'queued' and ${inFront})`.as('jobs'),
        sql<number>`coalesce(sum(greatest(0, audio_seconds - processed_seconds))
          filter (where status = 'running' or ${inFront}), 0)`.as('seconds'),
      ])
      .where('status', 'in', UNFINISHED)
      .where('leader', 'is', null)
      .executeTakeFirstOrThrow();
    return { jobs, seconds };
  }

  /** Seconds of computing per second of audio, over the last jobs of the model; undefined before there are any. */
  async realTimeFactor(model: string): Promise<number | undefined> {
    const { compute, audio } = await this.#db
      .selectFrom((from) =>
        from
          .selectFrom('jobs')
          .select(['compute_seconds', 'audio_seconds'])
          .where('model', '=', model)
          .where('status', '=', 'succeeded')
          .where('cached', '=', false)
          .orderBy('finished_at', 'desc')
          .limit(20)
          .as('last'),
      )
      .select([
        sql<number | null>`sum(compute_seconds)`.as('compute'),
        sql<number | null>`sum(audio_seconds)`.as('audio'),
      ])
      .executeTakeFirstOrThrow();
    return compute === null || audio === null || audio === 0 ? undefined : compute / audio;
  }

  async hasJobs(): Promise<boolean> {
    return (await this.#db.selectFrom('jobs').select('id').limit(1).executeTakeFirst()) !== undefined;
  }

  async running(): Promise<string[]> {
    const rows = await this.#db.selectFrom('jobs').select('id').where('status', '=', 'running').execute();
    return rows.map(({ id }) => id);
  }

  async countUnfinished(owner?: string): Promise<number> {
    let query = this.#db.selectFrom('jobs').select(sql<number>`count(*)`.as('count')).where('status', 'in', UNFINISHED);
    if (owner !== undefined) query = query.where('owner', '=', owner);
    return (await query.executeTakeFirstOrThrow()).count;
  }

  async countUnfinishedByStatus(): Promise<{ queued: number; running: number }> {
    return this.#db
      .selectFrom('jobs')
      .select([
        sql<number>`count(*) filter (where status = 'queued')`.as('queued'),
        sql<number>`count(*) filter (where status = 'running')`.as('running'),
      ])
      .where('status', 'in', UNFINISHED)
      .executeTakeFirstOrThrow();
  }

  /**
   * The job that has computed, or is to compute, what `requestKey` stands for. Others who look for the same wait until
   * the transaction ends: of two equal requests at once, one sees the other.
   */
  async findEqual(transaction: Transaction<Schema>, requestKey: string): Promise<JobRow | undefined> {
    await sql`select pg_advisory_xact_lock(hashtextextended(${requestKey}, 0))`.execute(transaction);
    // Nobody deletes it before the caller has what it came for.
    return this.#equal(transaction, requestKey).forShare().executeTakeFirst();
  }

  /** As `findEqual`, holding nobody up. */
  async peekEqual(requestKey: string): Promise<JobRow | undefined> {
    return this.#equal(this.#db, requestKey).executeTakeFirst();
  }

  #equal(db: Kysely<Schema>, requestKey: string) {
    return db
      .selectFrom('jobs')
      .selectAll()
      .where('request_key', '=', requestKey)
      .where('leader', 'is', null)
      .where((where) =>
        where.or([
          where('status', 'in', UNFINISHED),
          where.and([
            where('status', '=', 'succeeded'),
            where.exists(
              where
                .selectFrom('artifacts')
                .select('name')
                .whereRef('job_id', '=', 'jobs.id')
                .where('name', '=', 'result.json'),
            ),
          ]),
        ]),
      )
      .orderBy(sql`status = 'succeeded'`, 'desc')
      .orderBy('created_at')
      .limit(1);
  }

  async insert(transaction: Transaction<Schema>, job: NewJob): Promise<JobRow> {
    const row = await transaction
      .insertInto('jobs')
      .values({
        ...job,
        id: randomUUID(),
        status: 'queued',
        request: JSON.stringify(job.request),
        metadata: JSON.stringify(job.metadata),
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await this.addEvent(transaction, row.id, { type: 'job.status', status: 'queued', error: null });
    return row;
  }

  /** Takes the job for one more attempt. @returns undefined when it is over, or gone. */
  async claim(transaction: Transaction<Schema>, id: string): Promise<JobRow | undefined> {
    const row = await transaction
      .updateTable('jobs')
      .set({
        status: 'running',
        attempt: sql`attempt + 1`,
        fruitless_attempts: sql`fruitless_attempts + 1`,
        started_at: sql`coalesce(started_at, now())`,
        stage: null,
        stage_done: null,
      })
      .where('id', '=', id)
      .where('status', 'in', UNFINISHED)
      .returningAll()
      .executeTakeFirst();
    if (row !== undefined) {
      await this.addEvent(transaction, id, { type: 'job.status', status: 'running', error: null });
    }
    return row;
  }

  /** @returns whether the claim still stands; what was stored behind `index` is gone then. */
  async addWindow(transaction: Transaction<Schema>, claim: Claim, part: StoredWindow): Promise<boolean> {
    const { numUpdatedRows } = await transaction
      .updateTable('jobs')
      .set({
        processed_seconds: part.processedSeconds,
        position: JSON.stringify(part.position),
        fruitless_attempts: 0,
      })
      .where('id', '=', claim.id)
      .where('attempt', '=', claim.attempt)
      .where('status', '=', 'running')
      .executeTakeFirst();
    if (numUpdatedRows !== 1n) return false;
    await transaction
      .deleteFrom('job_windows')
      .where('job_id', '=', claim.id)
      .where('index', '>=', part.index)
      .execute();
    await transaction
      .insertInto('job_windows')
      .values({ job_id: claim.id, index: part.index, window: JSON.stringify(part.window) })
      .execute();
    await this.addEvent(transaction, claim.id, part.event);
    return true;
  }

  /** The work of the claim runs there now. @returns whether the claim still stands */
  async setDevice(transaction: Transaction<Schema>, { id, attempt }: Claim, device: string): Promise<boolean> {
    const held = await transaction
      .selectFrom('jobs')
      .select('id')
      .where('id', '=', id)
      .where('attempt', '=', attempt)
      .where('status', '=', 'running')
      .forNoKeyUpdate()
      .executeTakeFirst();
    if (held !== undefined) await this.addEvent(transaction, id, { type: 'job.placed', device });
    return held !== undefined;
  }

  /** @returns whether the claim still stands */
  async setStage(transaction: Transaction<Schema>, claim: Claim, stage: string, done: number): Promise<boolean> {
    const row = await this.update(transaction, claim, { stage, stage_done: done });
    if (row !== undefined) await this.addEvent(transaction, claim.id, { type: 'job.stage', stage, done });
    return row !== undefined;
  }

  /** Columns of a job that `claim` still holds. @returns the row; undefined when it is another's, or over. */
  async update(
    transaction: Transaction<Schema>,
    { id, attempt }: Claim,
    set: Partial<Insertable<JobTable>>,
  ): Promise<JobRow | undefined> {
    return transaction
      .updateTable('jobs')
      .set(set)
      .where('id', '=', id)
      .where('attempt', '=', attempt)
      .where('status', '=', 'running')
      .returningAll()
      .executeTakeFirst();
  }

  /** Ends an unfinished job, whoever holds it. @returns undefined when it is over already. */
  async end(
    transaction: Transaction<Schema>,
    id: string,
    status: 'failed' | 'cancelled' | 'succeeded',
    more: { error?: JobError; cached?: boolean; audioSeconds?: number | null } = {},
  ): Promise<JobRow | undefined> {
    const row = await transaction
      .updateTable('jobs')
      .set({
        status,
        finished_at: sql`now()`,
        leader: null,
        ...(more.error === undefined ? {} : { error: JSON.stringify(more.error) }),
        ...(more.cached === undefined ? {} : { cached: more.cached }),
        ...(more.audioSeconds == null
          ? {}
          : { audio_seconds: more.audioSeconds, processed_seconds: more.audioSeconds }),
      })
      .where('id', '=', id)
      .where('status', 'in', UNFINISHED)
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) return undefined;
    await this.addEvent(transaction, id, { type: 'job.status', status, error: more.error ?? null });
    // What a job that failed has done is there to be read, and for another try.
    if (status !== 'failed') await transaction.deleteFrom('job_windows').where('job_id', '=', id).execute();
    return row;
  }

  /** One that failed or was cancelled waits again, behind what it has done. @returns undefined when it is not over, or succeeded. */
  async reopen(transaction: Transaction<Schema>, id: string): Promise<JobRow | undefined> {
    const row = await transaction
      .updateTable('jobs')
      .set({
        status: 'queued',
        error: null,
        finished_at: null,
        fruitless_attempts: 0,
        stage: null,
        stage_done: null,
        position: sql`case when status = 'failed' then position end`,
        processed_seconds: sql`case when status = 'failed' and position is not null then processed_seconds else 0 end`,
      })
      .where('id', '=', id)
      .where('status', 'in', ['failed', 'cancelled'])
      .returningAll()
      .executeTakeFirst();
    if (row !== undefined) {
      await this.addEvent(transaction, id, { type: 'job.status', status: 'queued', error: null });
    }
    return row;
  }

  /** @returns their keys in the artifact store */
  async dropArtifacts(transaction: Transaction<Schema>, id: string, names: readonly string[]): Promise<string[]> {
    if (names.length === 0) return [];
    const rows = await transaction
      .deleteFrom('artifacts')
      .where('job_id', '=', id)
      .where('name', 'in', names)
      .returning('key')
      .execute();
    return rows.map(({ key }) => key);
  }

  async addArtifacts(transaction: Transaction<Schema>, rows: readonly Insertable<ArtifactTable>[]): Promise<void> {
    if (rows.length > 0)
      await transaction
        .insertInto('artifacts')
        .values([...rows])
        .execute();
  }

  /** One that may be there already. @returns whether its job still is */
  async keepArtifact(transaction: Transaction<Schema>, row: Insertable<ArtifactTable>): Promise<boolean> {
    const job = await transaction
      .selectFrom('jobs')
      .select('id')
      .where('id', '=', row.job_id)
      .forKeyShare()
      .executeTakeFirst();
    if (job === undefined) return false;
    await transaction
      .insertInto('artifacts')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return true;
  }

  async copyArtifacts(transaction: Transaction<Schema>, from: string, to: string, names: readonly string[]) {
    await transaction
      .insertInto('artifacts')
      .columns(['job_id', 'name', 'key', 'content_type', 'bytes', 'sha256', 'stage_key'])
      .expression((from_) =>
        from_
          .selectFrom('artifacts')
          .select([
            sql<string>`${to}::uuid`.as('job_id'),
            ...(['name', 'key', 'content_type', 'bytes', 'sha256', 'stage_key'] as const),
          ])
          .where('job_id', '=', from)
          .where('name', 'in', names),
      )
      .execute();
  }

  /** Where the artifact store has the result of a stage that a job of the owner left; the newest one. */
  async findStage(owner: string, stageKey: string): Promise<string | undefined> {
    const found = await this.#db
      .selectFrom('artifacts')
      .innerJoin('jobs', 'jobs.id', 'artifacts.job_id')
      .select('artifacts.key')
      .where('artifacts.stage_key', '=', stageKey)
      .where('jobs.owner', '=', owner)
      .where('jobs.status', '=', 'succeeded')
      .orderBy('jobs.finished_at', 'desc')
      .limit(1)
      .executeTakeFirst();
    return found?.key;
  }

  /** Unfinished jobs that wait for this one's result. */
  async followers(transaction: Transaction<Schema>, id: string): Promise<JobRow[]> {
    return transaction
      .selectFrom('jobs')
      .selectAll()
      .where('leader', '=', id)
      .where('status', 'in', UNFINISHED)
      .orderBy('created_at')
      .forUpdate()
      .execute();
  }

  /** Makes another job theirs to wait for, or none. */
  async follow(transaction: Transaction<Schema>, ids: readonly string[], leader: string | null): Promise<void> {
    if (ids.length > 0) await transaction.updateTable('jobs').set({ leader }).where('id', 'in', ids).execute();
  }

  /** Until the transaction ends nobody else puts a file under this key, or removes one. */
  async lockKey(transaction: Transaction<Schema>, key: string): Promise<void> {
    await sql`select pg_advisory_xact_lock(hashtextextended(${key}, 2))`.execute(transaction);
  }

  /** Windows that were computed before there was a job. */
  async addBegun(
    transaction: Transaction<Schema>,
    id: string,
    { windows, position }: { windows: readonly { index: number; window: unknown; end: number }[]; position: unknown },
  ): Promise<void> {
    if (windows.length === 0) return;
    const rows = windows.map(({ index, window }) => ({ job_id: id, index, window: JSON.stringify(window) }));
    await transaction.insertInto('job_windows').values(rows).execute();
    await transaction
      .updateTable('jobs')
      .set({ position: JSON.stringify(position), processed_seconds: windows.at(-1)?.end ?? 0 })
      .where('id', '=', id)
      .execute();
  }

  /** Appends to the job's events and wakes who listens, in every gateway, when the transaction commits. */
  async addEvent(transaction: Transaction<Schema>, id: string, event: JobEvent): Promise<void> {
    await sql`
      insert into job_events (job_id, seq, event)
      select ${id}::uuid, coalesce(max(seq), 0) + 1, ${JSON.stringify(event)}::jsonb from job_events where job_id = ${id}::uuid
    `.execute(transaction);
    await sql`select pg_notify(${JOB_CHANNEL}, ${id})`.execute(transaction);
  }

  /** The job this key stands for since less than 24 h. */
  async findIdempotent(transaction: Transaction<Schema>, owner: string, key: string) {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`${owner}\n${key}`}, 1))`.execute(transaction);
    return transaction
      .selectFrom('idempotency_keys')
      .select(['job_id', 'fingerprint'])
      .where('owner', '=', owner)
      .where('key', '=', key)
      .where('created_at', '>', sql<Date>`now() - interval '24 hours'`)
      .executeTakeFirst();
  }

  async noteIdempotent(
    transaction: Transaction<Schema>,
    row: { owner: string; key: string; fingerprint: string; job_id: string },
  ): Promise<void> {
    await transaction
      .insertInto('idempotency_keys')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(['owner', 'key'])
          .doUpdateSet({ fingerprint: row.fingerprint, job_id: row.job_id, created_at: sql`now()` }),
      )
      .execute();
  }

  /** @returns keys in the artifact store that no job needs any more. */
  async delete(transaction: Transaction<Schema>, id: string): Promise<string[]> {
    const kept = await transaction.selectFrom('artifacts').select('key').where('job_id', '=', id).execute();
    const row = await transaction.deleteFrom('jobs').where('id', '=', id).returning('input_key').executeTakeFirst();
    const keys = new Set([...kept.map(({ key }) => key), ...(row?.input_key == null ? [] : [row.input_key])]);
    return this.unused(transaction, [...keys]);
  }

  /** Those of `keys` that no job names. */
  async unused(db: Kysely<Schema>, keys: readonly string[]): Promise<string[]> {
    if (keys.length === 0) return [];
    const used = await db
      .selectFrom('artifacts')
      .select('key')
      .where('key', 'in', keys)
      .union(db.selectFrom('jobs').select(sql<string>`input_key`.as('key')).where('input_key', 'in', keys))
      .execute();
    const names = new Set(used.map(({ key }) => key));
    return keys.filter((key) => !names.has(key));
  }
}

/** In the database, whose clock is finer than a Date. */
function isBefore(id: string, sign: '<' | '>') {
  return sql<boolean>`(created_at, id) ${sql.raw(sign)} (select created_at, id from jobs where id = ${id}::uuid)`;
}

/** Anywhere, whatever the case. */
function mentions(text: string) {
  const pattern = `%${text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
  return sql<boolean>`('job_' || replace(id::text, '-', '') ilike ${pattern} or input_name ilike ${pattern}
    or error->>'message' ilike ${pattern} or error->>'code' ilike ${pattern}
    or exists (select 1 from jsonb_each_text(metadata) as m where m.value ilike ${pattern}))`;
}

export interface Claim {
  id: string;
  attempt: number;
}

export interface StoredWindow {
  index: number;
  window: unknown;
  position: unknown;
  processedSeconds: number;
  event: JobEvent;
}

export interface JobFilter {
  owner?: string | undefined;
  status?: JobStatus[] | undefined;
  task?: JobTask | undefined;
  model?: string | undefined;
  /** Unix seconds; the first is included, the second is not. */
  createdAfter?: number | undefined;
  createdBefore?: number | undefined;
  text?: string | undefined;
  /** Id of the job that the page lies behind. */
  after?: string | undefined;
  order: 'asc' | 'desc';
  limit: number;
}
