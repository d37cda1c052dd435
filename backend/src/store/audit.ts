/**
 * The audit log: who did what to what, in rows that are only ever added. Each row carries the SHA-256 of itself and of
 * the row before, so a change, a gap or a swap anywhere shows; a tail that was cut off shows by a count and hash noted
 * earlier (`audit:verify` prints both). Ids are opaque: no name, no file name, no content.
 */
import { createHash } from 'node:crypto';
import { type ColumnType, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { AuditChanges } from '../contract/audit-changes.ts';
import type { Schema } from './schema.ts';

export interface AuditTable {
  seq: number;
  at: Date;
  actor: string;
  action: string;
  subject: string | null;
  /** Bytes. */
  size: number | null;
  result: string;
  error_code: string | null;
  /** JSON of `AuditChanges`, as it was hashed; null in rows that change no field, and in those of before there was such a thing. */
  changes: ColumnType<string | null, string | undefined>;
  previous_hash: string;
  /** Hexadecimal. */
  hash: string;
}

export type AuditRow = Selectable<AuditTable>;

export interface AuditEvent {
  actor: string;
  action: string;
  subject?: string | undefined;
  size?: number | undefined;
  result: 'success' | 'failure';
  errorCode?: string | undefined;
  changes?: AuditChanges | undefined;
}

export type AuditVerdict = { count: number; hash: string } & (
  | { brokenAt?: never }
  | { brokenAt: number; reason: string }
);

/** What the first row names as its predecessor. */
const GENESIS = '0'.repeat(64);
/** Any number, the same in every gateway: it keeps two of them from adding the same row. */
const CHAIN_LOCK = 4_207_849_484;
const BATCH = 1_000;

/**
 * Adds a row that exists if and only if the caller's transaction commits. Other writers wait for that, so call it last.
 */
export async function appendAudit(
  transaction: Transaction<Schema>,
  event: AuditEvent,
): Promise<Omit<AuditRow, 'changes'>> {
  await sql`select pg_advisory_xact_lock(${sql.lit(CHAIN_LOCK)})`.execute(transaction);
  const last = await transaction
    .selectFrom('audit_log')
    .select(['seq', 'hash'])
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const content = {
    seq: (last?.seq ?? 0) + 1,
    at: new Date(),
    actor: event.actor,
    action: event.action,
    subject: event.subject ?? null,
    size: event.size ?? null,
    result: event.result,
    error_code: event.errorCode ?? null,
    previous_hash: last?.hash ?? GENESIS,
  };
  // Left out where there are none: a backup notes itself in a database that has not been migrated yet.
  const changes = event.changes === undefined ? {} : { changes: JSON.stringify(event.changes) };
  const row = { ...content, ...changes, hash: hashOf({ ...content, ...changes }) };
  await transaction.insertInto('audit_log').values(row).execute();
  return row;
}

/** Recomputes the chain from its first row to its last; stops at the first row that does not fit. */
export async function verifyAudit(db: Kysely<Schema>): Promise<AuditVerdict> {
  let count = 0;
  let hash = GENESIS;
  for await (const row of exportAudit(db)) {
    const reason =
      row.seq !== count + 1
        ? `row ${count + 1} is missing`
        : row.previous_hash !== hash
          ? 'it does not name the row before'
          : row.hash !== hashOf(row)
            ? 'its content was changed'
            : undefined;
    if (reason !== undefined) return { count, hash, brokenAt: row.seq, reason };
    count += 1;
    hash = row.hash;
  }
  return { count, hash };
}

/** Every row, oldest first. Rows added meanwhile may be among them. */
export async function* exportAudit(db: Kysely<Schema>): AsyncGenerator<AuditRow> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const rows = await db
      .selectFrom('audit_log')
      .selectAll()
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(BATCH)
      .execute();
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < BATCH) return;
    after = last.seq;
  }
}

/** An array, since the order of an object's members is nobody's promise. */
function hashOf(row: Omit<AuditRow, 'hash' | 'changes'> & { changes?: string | null }): string {
  const content = [
    row.seq,
    row.at.toISOString(),
    row.actor,
    row.action,
    row.subject,
    row.size,
    row.result,
    row.error_code,
    row.previous_hash,
    // Rows without changes have the hash that they had before there was the column.
    ...(row.changes == null ? [] : [row.changes]),
  ];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
