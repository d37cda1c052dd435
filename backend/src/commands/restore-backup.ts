/**
 * Puts a backup's rows, files and keys where the configuration says, in one transaction: rows become visible when every
 * file has its hash, the audit log its chain, and whoever was erased since has been erased again.
 */

import { createReadStream } from 'node:fs';
import { copyFile, mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sql, type Transaction } from 'kysely';
import { LocalArtifacts } from '../jobs/artifacts.ts';
import { jobFolders } from '../jobs/data-folders.ts';
import { JobQueue } from '../jobs/queue.ts';
import type { Logger } from '../logger.ts';
import { appendAudit, verifyAudit } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { type ErasureNote, repeatErasures } from '../store/erasure.ts';
import { addToJournal, journalPath, readJournal } from '../store/erasure-journal.ts';
import { JobStore } from '../store/jobs.ts';
import { migrate } from '../store/migrate.ts';
import { MIGRATIONS } from '../store/migrations/index.ts';
import type { Schema } from '../store/schema.ts';
import { cursor, dropTables, insertRows, tableShapes, withReferencesDeferred } from '../store/table-rows.ts';
import { MIGRATION_TABLES, TABLES } from '../store/tables.ts';
import {
  type BackupRecord,
  filePath,
  hashOf,
  listedFile,
  listPath,
  readLines,
  readRecord,
  statePath,
  tablePath,
} from './backup-files.ts';

export interface RestoreOptions {
  /** Of this version's schema, and used by no gateway. */
  database: Pick<Database, 'db' | 'connection'>;
  dataDir: string;
  /** Of the backup. */
  dir: string;
  /** Replace what the database holds. */
  force: boolean;
  /** Other files that note erasures, of gateways with another DATA_DIR. */
  journals?: readonly string[];
  log: Logger;
}

export interface RestoreReport {
  record: BackupRecord;
  files: number;
  /** Unfinished jobs, which go on. */
  queued: number;
  /** Erasures that were done again. */
  erasures: number;
}

type ArtifactKey = { key: string; sha256: string | null };

const INSERT_BYTES = 2 ** 20;
const JOURNAL = 'erasures.jsonl';

/** @throws with a sentence for the operator; the database is then as it was. */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const { database, dataDir, dir, force, journals = [], log } = options;
  const { db, connection } = database;
  const record = await readRecord(dir);
  const newer = record.migrations.filter((name) => !Object.hasOwn(MIGRATIONS, name));
  if (newer.length > 0) {
    throw new Error(
      `The backup belongs to a newer version of the gateway (it has ${newer.join(', ')}). Use that version.`,
    );
  }
  await verifyHashes(dir, record);
  await refuseInUse(database);
  await refuseForeign(database);
  if (!force) await refuseFull(database);
  const notes = await collectNotes(dataDir, dir, record, journals);

  const queue = await JobQueue.start({ connection, log, concurrency: 1 });
  try {
    const report = await db.transaction().execute(async (transaction) => {
      await dropTables(transaction, [...TABLES, ...MIGRATION_TABLES]);
      await migrate(
        transaction,
        Object.fromEntries(Object.entries(MIGRATIONS).filter(([name]) => record.migrations.includes(name))),
      );
      await loadTables(transaction, dir, record);
      await migrate(transaction);
      await verifyChain(transaction, record);
      await dropKeys(transaction, [...record.vanished, ...record.damaged]);
      const erasures = await repeatErasures(transaction, notes);
      const files = await putFiles(transaction, dataDir, dir);
      const queued = await fillQueue(transaction, queue);
      await putState(dataDir, dir, record);
      await appendAudit(transaction, {
        actor: 'operator',
        action: 'backup.restored',
        subject: record.id,
        result: 'success',
      });
      return { record, files, queued, erasures };
    });
    await addToJournal(journalPath(dataDir), notes);
    return report;
  } finally {
    await queue.stop();
  }
}

async function verifyHashes(dir: string, record: BackupRecord): Promise<void> {
  const expected = [
    ...Object.entries(record.tables).map(([name, { sha256 }]) => ({ path: tablePath(dir, name), sha256 })),
    ...record.state.map(({ name, sha256 }) => ({ path: statePath(dir, name), sha256 })),
    { path: listPath(dir), sha256: record.files.sha256 },
  ];
  for (const { path, sha256 } of expected) {
    if ((await hashOf(path)) !== sha256) throw new Error(`The backup is damaged: ${path} is not what was written.`);
  }
  const left = new Set([...record.vanished, ...record.damaged]);
  for await (const value of readLines(listPath(dir))) {
    const { key, bytes } = listedFile.parse(value);
    if (left.has(key)) continue;
    const found = await stat(filePath(dir, key)).catch(() => undefined);
    if (found === undefined || (bytes !== null && found.size !== bytes)) {
      throw new Error(`The backup is damaged: ${filePath(dir, key)} is missing or not of its size.`);
    }
  }
}

/** The queue's connection is there as long as a gateway is. */
async function refuseInUse({ db }: Pick<Database, 'db'>): Promise<void> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from pg_stat_activity
    where datname = current_database() and application_name = 'audio-gateway queue'`.execute(db);
  if ((rows[0]?.count ?? 0) > 0) throw new Error('A gateway is using the database. Stop it first.');
}

/** A schema that is shared with other programs cannot be replaced. */
async function refuseForeign({ db }: Pick<Database, 'db'>): Promise<void> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
      and relname not in (${sql.join([...TABLES, ...MIGRATION_TABLES])})`.execute(db);
  if (rows.length > 0) {
    throw new Error(
      `The database holds tables that are not of this version of the gateway: ${rows.map(({ name }) => name).join(', ')}. ` +
        'Give the gateway a database of its own.',
    );
  }
}

async function refuseFull({ db }: Pick<Database, 'db'>): Promise<void> {
  for (const table of TABLES) {
    const { rows } = await sql`select 1 from ${sql.id(table)} limit 1`.execute(db);
    if (rows.length > 0) {
      throw new Error(
        `The database is not empty (${table} has rows). Restore into another, or add --force to replace it.`,
      );
    }
  }
}

async function collectNotes(dataDir: string, dir: string, record: BackupRecord, journals: readonly string[]) {
  const own = record.state.some(({ name }) => name === JOURNAL) ? [statePath(dir, JOURNAL)] : [];
  const notes: ErasureNote[] = [];
  for (const path of [journalPath(dataDir), ...own, ...journals]) notes.push(...(await readJournal(path)));
  return [...new Map(notes.map((note) => [note.id, note])).values()].sort((one, other) =>
    one.requested_at.localeCompare(other.requested_at),
  );
}

async function loadTables(transaction: Transaction<Schema>, dir: string, record: BackupRecord): Promise<void> {
  const shapes = new Map((await tableShapes(transaction)).map(({ name, columns }) => [name as string, columns]));
  await withReferencesDeferred(transaction, async () => {
    for (const [name, { columns, count }] of Object.entries(record.tables)) {
      if (shapes.get(name)?.join() !== columns.join()) {
        throw new Error(`The table ${name} of the backup has other columns than this version's migrations give it.`);
      }
      const loaded = await loadTable(transaction, dir, name);
      if (loaded !== count) throw new Error(`The backup is damaged: ${name} has ${loaded} rows instead of ${count}.`);
    }
  });
}

async function loadTable(transaction: Transaction<Schema>, dir: string, name: string): Promise<number> {
  let count = 0;
  let batch: string[] = [];
  let size = 0;
  for await (const row of readLines(tablePath(dir, name))) {
    if (typeof row !== 'string') throw new Error(`The backup is damaged: ${name} holds something that is not a row.`);
    batch.push(row);
    size += row.length;
    count += 1;
    if (size < INSERT_BYTES) continue;
    await insertRows(transaction, name, batch);
    batch = [];
    size = 0;
  }
  if (batch.length > 0) await insertRows(transaction, name, batch);
  return count;
}

async function verifyChain(transaction: Transaction<Schema>, { audit }: BackupRecord): Promise<void> {
  const verdict = await verifyAudit(transaction);
  if (verdict.brokenAt === undefined && verdict.count === audit.count && verdict.hash === audit.hash) return;
  throw new Error(
    `The audit log of the backup is broken${verdict.brokenAt === undefined ? ': its end is missing' : ` at row ${verdict.brokenAt}: ${verdict.reason}`}.`,
  );
}

/** As retention leaves a job whose file is deleted. */
async function dropKeys(transaction: Transaction<Schema>, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await transaction.deleteFrom('artifacts').where('key', 'in', keys).execute();
  await transaction.updateTable('jobs').set({ input_key: null }).where('input_key', 'in', keys).execute();
}

/** Those that rows still name; nothing of whoever was erased comes back to this disk. */
async function putFiles(transaction: Transaction<Schema>, dataDir: string, dir: string): Promise<number> {
  const artifacts = new LocalArtifacts(jobFolders(dataDir).artifacts);
  let count = 0;
  const named = cursor<ArtifactKey>(
    transaction,
    sql`select jsonb_build_object('key', key, 'sha256', max(sha256)) as value from (
      select key, sha256 from artifacts
      union all select input_key, input_sha256 from jobs where input_key is not null
    ) as named group by key`,
  );
  for await (const { key, sha256 } of named) {
    const stored = await artifacts.put(key, createReadStream(filePath(dir, key)));
    if (sha256 !== null && stored.sha256 !== sha256) {
      await artifacts.delete(key);
      throw new Error(`The backup is damaged: ${filePath(dir, key)} does not have the hash that its row says.`);
    }
    count += 1;
  }
  return count;
}

/** The queue is not in the backup: what it holds follows from the jobs that are not over. */
async function fillQueue(transaction: Transaction<Schema>, queue: JobQueue): Promise<number> {
  const store = new JobStore(transaction);
  await sql`delete from pgboss.job`.execute(transaction);
  const unfinished = await transaction
    .selectFrom('jobs')
    .select(['id', 'priority', 'status', 'leader'])
    .where('status', 'in', ['queued', 'running'])
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  for (const { id, priority, status, leader } of unfinished) {
    if (status === 'running') {
      await transaction.updateTable('jobs').set({ status: 'queued' }).where('id', '=', id).execute();
      await store.addEvent(transaction, id, { type: 'job.status', status: 'queued', error: null });
    }
    if (leader === null) await queue.add(transaction, id, priority);
  }
  return unfinished.length;
}

/** A file that is there and differs is kept beside the one that takes its place. */
async function putState(dataDir: string, dir: string, record: BackupRecord): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  for (const { name, sha256 } of record.state) {
    if (name === JOURNAL) continue;
    const path = join(dataDir, name);
    const present = await hashOf(path).catch(() => undefined);
    if (present === sha256) continue;
    if (present !== undefined) await rename(path, `${path}.before-restore`);
    await copyFile(statePath(dir, name), `${path}.tmp`);
    await rename(`${path}.tmp`, path);
  }
}
