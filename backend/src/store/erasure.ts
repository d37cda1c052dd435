/**
 * Forgetting a subject: which rows are whose, and the record that they were deleted. The record names nobody: who knows
 * a subject can find its erasure (a salted hash), and a restored backup is cleaned by it; nothing leads the other way.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { type ColumnType, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { appendAudit } from './audit.ts';
import type { JobRow } from './jobs.ts';
import type { Schema } from './schema.ts';

/** A key's record and all that was asked for with it, or what requests named as `metadata.user`. */
export interface Subject {
  kind: 'key' | 'user';
  value: string;
}

export interface ErasureTable {
  id: string;
  kind: Subject['kind'];
  salt: string;
  /** Hexadecimal; `hashSubject` of the subject. */
  hash: string;
  /** The subject itself, only until the erasure is finished: another process must be able to go on with it. */
  subject: string | null;
  actor: string;
  /** By the eraser's name. */
  counts: ColumnType<Record<string, number>, string | undefined, string>;
  /** Whole milliseconds. What was made later stays. */
  requested_at: ColumnType<Date, Date, never>;
  finished_at: Date | null;
}

export type ErasureRow = Selectable<ErasureTable>;

/** What is enough to find the subject's rows in a restored backup; kept outside of the database. */
export type ErasureNote = Pick<ErasureRow, 'id' | 'kind' | 'salt' | 'hash'> & { requested_at: string };

/**
 * A table with data of subjects, beside `jobs` (whatever refers to a job goes with it). A table that is added takes its
 * place in ERASERS, or an erasure passes it by.
 */
export interface Eraser {
  /** Names its count. */
  name: string;
  /** Whom there is data of; a restore finds by it those who were erased. */
  subjects(db: Kysely<Schema>): Promise<Subject[]>;
  /** What was made up to `until`. @returns how many rows were deleted. */
  erase(transaction: Transaction<Schema>, subject: Subject, until: Date): Promise<number>;
  /** Plain objects, for the subject to read. */
  export(db: Kysely<Schema>, subject: Subject): AsyncIterable<object>;
}

/** Of a table whose rows belong to the key that its column `owner` names; of users it knows nothing. `since`: when a row was made. */
export function ownedRows(name: keyof Schema, since: string): Eraser {
  const table = sql.id(name);
  const when = sql.id(since);
  return {
    name,
    async subjects(db) {
      const { rows } = await sql<{ owner: string }>`select distinct owner from ${table}`.execute(db);
      return rows.map(({ owner }) => keyOf(owner));
    },
    async erase(transaction, { kind, value }, until) {
      if (kind !== 'key') return 0;
      const deletion = sql`delete from ${table} where owner = ${value} and ${when} <= ${until}`;
      return Number((await deletion.execute(transaction)).numAffectedRows ?? 0);
    },
    async *export(db, { kind, value }) {
      if (kind !== 'key') return;
      yield* (await sql<object>`select * from ${table} where owner = ${value} order by ${when}`.execute(db)).rows;
    },
  };
}

const jobRecords: Eraser = {
  name: 'job_records',
  async subjects(db) {
    const owners = await db.selectFrom('job_records').select('owner').distinct().execute();
    const users = await db
      .selectFrom('job_records')
      .select('end_user')
      .distinct()
      .where('end_user', 'is not', null)
      .execute();
    return [...owners.map(({ owner }) => keyOf(owner)), ...users.flatMap(({ end_user }) => userOf(end_user))];
  },
  async erase(transaction, { kind, value }, until) {
    const { numDeletedRows } = await transaction
      .deleteFrom('job_records')
      .where(kind === 'key' ? 'owner' : 'end_user', '=', value)
      .where('created_at', '<=', until)
      .executeTakeFirst();
    return Number(numDeletedRows);
  },
  async *export(db, { kind, value }) {
    const column = kind === 'key' ? 'owner' : 'end_user';
    for (let after = NIL; ; ) {
      const rows = await db
        .selectFrom('job_records')
        .selectAll()
        .where(column, '=', value)
        .where('job_id', '>', after)
        .orderBy('job_id')
        .limit(PAGE)
        .execute();
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      after = last.job_id;
    }
  },
};

/** A key's record loses its name and opens nothing any more; its id, which says nothing, stays. */
const keyRecords: Eraser = {
  name: 'api_keys',
  async subjects(db) {
    const rows = await db.selectFrom('api_keys').select('id').execute();
    return rows.map(({ id }) => keyOf(id));
  },
  async erase(transaction, { kind, value }, until) {
    if (kind !== 'key') return 0;
    const { numUpdatedRows } = await transaction
      .updateTable('api_keys')
      .set({ name: 'erased', webhook_url: null, revoked_at: sql`coalesce(revoked_at, now())` })
      .where('id', '=', value)
      .where('created_at', '<=', until)
      .executeTakeFirst();
    return Number(numUpdatedRows);
  },
  async *export(db, { kind, value }) {
    if (kind !== 'key') return;
    yield* await db
      .selectFrom('api_keys')
      .select(['id', 'name', 'webhook_url', 'created_at', 'expires_at', 'rotated_at', 'revoked_at'])
      .where('id', '=', value)
      .execute();
  },
};

async function* nothing(): AsyncGenerator<object> {}

/** In turn. */
export const ERASERS: readonly Eraser[] = [
  jobRecords,
  ownedRows('usage_totals', 'day'),
  ownedRows('usage_reservations', 'day'),
  ownedRows('request_rates', 'updated_at'),
  // Secrets are for signing, not for reading.
  { ...ownedRows('webhook_secrets', 'created_at'), export: nothing },
  // Biometric data: the export has the voiceprints too.
  ownedRows('speakers', 'created_at'),
  keyRecords,
];

const PAGE = 100;
const NIL = '00000000-0000-0000-0000-000000000000';

export class ErasureStore {
  readonly #db: Kysely<Schema>;
  readonly #erasers: readonly Eraser[];

  constructor(db: Kysely<Schema>, erasers: readonly Eraser[] = ERASERS) {
    this.#db = db;
    this.#erasers = erasers;
  }

  /** From here on it will be done, whatever happens to this process. */
  async begin({ kind, value }: Subject, actor: string): Promise<ErasureRow> {
    const salt = randomBytes(16).toString('hex');
    const now = sql<Date>`date_trunc('milliseconds', clock_timestamp()) + interval '1 ms'`;
    return this.#db
      .insertInto('erasures')
      .values({
        id: randomUUID(),
        kind,
        salt,
        hash: hashSubject({ kind, value }, salt),
        subject: value,
        actor,
        requested_at: now,
        finished_at: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  async unfinished(): Promise<ErasureRow[]> {
    return this.#db
      .selectFrom('erasures')
      .selectAll()
      .where('finished_at', 'is', null)
      .orderBy('requested_at')
      .execute();
  }

  async notes(): Promise<ErasureNote[]> {
    const rows = await this.#db.selectFrom('erasures').selectAll().orderBy('requested_at').execute();
    return rows.map(({ id, kind, salt, hash, requested_at }) => {
      return { id, kind, salt, hash, requested_at: requested_at.toISOString() };
    });
  }

  /** Some of the subject's jobs. `until`: those that were made by then. */
  async jobs(subject: Subject, { until, after = NIL }: { until?: Date; after?: string }): Promise<JobRow[]> {
    let query = this.#db.selectFrom('jobs').selectAll().where(isOf(subject)).where('id', '>', after);
    if (until !== undefined) query = query.where('created_at', '<=', until);
    return query.orderBy('id').limit(PAGE).execute();
  }

  async countJob(id: string): Promise<void> {
    await this.#db
      .updateTable('erasures')
      .set({ counts: sql`counts || jsonb_build_object('jobs', coalesce((counts ->> 'jobs')::int, 0) + 1)` })
      .where('id', '=', id)
      .execute();
  }

  /** When no jobs are left: deletes what else there is, and the subject's name with it. */
  async finish(id: string): Promise<ErasureRow> {
    return this.#db.transaction().execute(async (transaction) => {
      const row = await transaction
        .selectFrom('erasures')
        .selectAll()
        .where('id', '=', id)
        .forUpdate()
        .executeTakeFirstOrThrow();
      if (row.finished_at !== null || row.subject === null) return row;
      return close(transaction, row, [{ kind: row.kind, value: row.subject }], {
        erasers: this.#erasers,
        action: 'gdpr.erased',
      });
    });
  }

  async *exportOthers(subject: Subject): AsyncGenerator<{ type: string; row: object }> {
    for (const { name, export: rows } of this.#erasers) {
      for await (const row of rows(this.#db, subject)) yield { type: name, row };
    }
  }
}

export function hashSubject({ kind, value }: Subject, salt: string): string {
  return createHash('sha256').update(`${salt}\n${kind}\n${value}`).digest('hex');
}

/**
 * Does in a restored backup what was done since it was made, and what was under way. For a database that no gateway
 * uses: jobs are deleted as rows, those that are being worked on included.
 * @returns erasures that had an effect or were unfinished.
 */
export async function repeatErasures(
  transaction: Transaction<Schema>,
  notes: readonly ErasureNote[],
  erasers: readonly Eraser[] = ERASERS,
): Promise<number> {
  const restored = await transaction.selectFrom('erasures').selectAll().orderBy('requested_at').execute();
  const subjects = await everySubject(transaction, erasers);
  let repeated = 0;
  const repeat = async (row: ErasureRow, found: readonly Subject[]) => {
    repeated += 1;
    let jobs = row.counts.jobs ?? 0;
    for (const subject of found) {
      const { numDeletedRows } = await transaction
        .deleteFrom('jobs')
        .where(isOf(subject))
        .where('created_at', '<=', row.requested_at)
        .executeTakeFirst();
      jobs += Number(numDeletedRows);
    }
    const counted = { ...row, counts: { ...row.counts, jobs } };
    await close(transaction, counted, found, { erasers, action: 'gdpr.erased_again' });
  };
  const releaseGone = sql`
    delete from usage_reservations where reference like 'job\\_%' and not exists (
      select from jobs where 'job_' || replace(id::text, '-', '') = reference)`;
  for (const row of restored) {
    if (row.finished_at === null && row.subject !== null) await repeat(row, [{ kind: row.kind, value: row.subject }]);
  }
  const known = new Set(restored.map(({ id }) => id));
  for (const note of notes) {
    if (known.has(note.id)) continue;
    known.add(note.id);
    const found = subjects.filter((each) => each.kind === note.kind && hashSubject(each, note.salt) === note.hash);
    const row = await transaction
      .insertInto('erasures')
      .values({
        ...note,
        requested_at: new Date(note.requested_at),
        subject: null,
        actor: 'restore',
        finished_at: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await repeat(row, found);
  }
  // What jobs of a user held of their keys' limits.
  await releaseGone.execute(transaction);
  return repeated;
}

async function close(
  transaction: Transaction<Schema>,
  row: ErasureRow,
  subjects: readonly Subject[],
  { erasers, action }: { erasers: readonly Eraser[]; action: string },
): Promise<ErasureRow> {
  const counts = { ...row.counts };
  for (const { name, erase } of erasers) {
    counts[name] = 0;
    for (const subject of subjects) counts[name] += await erase(transaction, subject, row.requested_at);
  }
  const done = await transaction
    .updateTable('erasures')
    .set({ subject: null, counts: JSON.stringify(counts), finished_at: sql`now()` })
    .where('id', '=', row.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await appendAudit(transaction, { actor: row.actor, action, subject: erasureId(row), result: 'success' });
  return done;
}

/** As callers and the audit log see it. */
export function erasureId({ id }: Pick<ErasureRow, 'id'>): string {
  return `erasure_${id.replaceAll('-', '')}`;
}

async function everySubject(db: Kysely<Schema>, erasers: readonly Eraser[]): Promise<Subject[]> {
  const owners = await db.selectFrom('jobs').select('owner').distinct().execute();
  const users = await db
    .selectFrom('jobs')
    .select(sql<string | null>`metadata ->> 'user'`.as('end_user'))
    .distinct()
    .execute();
  const found = [...owners.map(({ owner }) => keyOf(owner)), ...users.flatMap(({ end_user }) => userOf(end_user))];
  for (const eraser of erasers) found.push(...(await eraser.subjects(db)));
  return [...new Map(found.map((subject) => [`${subject.kind}\n${subject.value}`, subject])).values()];
}

function isOf({ kind, value }: Subject) {
  return kind === 'key' ? sql<boolean>`owner = ${value}` : sql<boolean>`metadata ->> 'user' = ${value}`;
}

function keyOf(owner: string): Subject {
  return { kind: 'key', value: owner };
}

function userOf(user: string | null): Subject[] {
  return user === null ? [] : [{ kind: 'user', value: user }];
}
