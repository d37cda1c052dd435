/**
 * Writes a backup while the gateway runs: all rows as of one moment, the files they name, and the files of DATA_DIR
 * itself. Files never change, so a row of that moment and a file of a minute later belong together; one that was deleted
 * in between is noted, as its rows are gone by then, too.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Kysely, sql, type Transaction } from 'kysely';
import { jobFolders } from '../jobs/data-folders.ts';
import { appendAudit } from '../store/audit.ts';
import { JobStore } from '../store/jobs.ts';
import type { Schema } from '../store/schema.ts';
import { cursor, readRows, tableShapes } from '../store/table-rows.ts';
import { syncFolder } from '../sync-folder.ts';
import {
  type BackupRecord,
  filePath,
  hashOf,
  type ListedFile,
  listedFile,
  listPath,
  readLines,
  recordPath,
  statePath,
  tablePath,
  writeLines,
} from './backup-files.ts';

export interface BackupOptions {
  db: Kysely<Schema>;
  dataDir: string;
  /** Empty, or made now. */
  dir: string;
  version: string;
}

/** Halves of files, and locks. */
const PASSING = /(\.tmp|\.partial|\.lock|-journal|\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** @returns `backup.json`, written last: a folder without it is no backup. @throws when `dir` holds something. */
export async function makeBackup({ db, dataDir, dir, version }: BackupOptions): Promise<BackupRecord> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  if ((await readdir(dir)).length > 0) throw new Error(`${dir} is not empty; each backup gets a folder of its own`);
  for (const part of ['tables', 'files', 'state']) await mkdir(join(dir, part), { mode: 0o700 });
  const id = `backup_${randomUUID().replaceAll('-', '')}`;
  const rows = await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute((transaction) => writeTables(transaction, dir));
  const { bytes, vanished, damaged } = await takeFiles({ db, dataDir, dir });
  const record: BackupRecord = {
    format: 1,
    id,
    ...rows,
    software: { name: 'audio-gateway', version },
    files: { ...rows.files, bytes },
    vanished,
    damaged,
    state: await copyState(dataDir, dir),
  };
  for (const part of ['tables', 'state', '.']) await syncFolder(join(dir, part));
  await writeFile(recordPath(dir), `${JSON.stringify(record, null, 2)}\n`, { flag: 'wx', mode: 0o600, flush: true });
  await syncFolder(dir);
  await db.transaction().execute((transaction) =>
    appendAudit(transaction, {
      actor: 'operator',
      action: 'backup.made',
      subject: id,
      size: bytes,
      result: damaged.length === 0 ? 'success' : 'failure',
    }),
  );
  return record;
}

async function writeTables(transaction: Transaction<Schema>, dir: string) {
  const migrations = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(transaction);
  const now = await sql<{ at: Date }>`select now() as at`.execute(transaction);
  const tables: BackupRecord['tables'] = {};
  for (const { name, columns } of await tableShapes(transaction)) {
    tables[name] = { columns, ...(await writeLines(tablePath(dir, name), readRows(transaction, name))) };
  }
  const files = await writeLines(listPath(dir), cursor<ListedFile>(transaction, NAMED_FILES));
  const last = await transaction
    .selectFrom('audit_log')
    .select(['seq', 'hash'])
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return {
    created_at: (now.rows[0]?.at ?? new Date()).toISOString(),
    migrations: migrations.rows.map(({ name }) => name),
    tables,
    files,
    audit: { count: last?.seq ?? 0, hash: last?.hash ?? '0'.repeat(64) },
  };
}

const NAMED_FILES = sql`
  select jsonb_build_object('key', key, 'bytes', max(bytes), 'sha256', max(sha256)) as value
  from (
    select key, bytes, sha256 from artifacts
    union all select input_key, input_bytes, input_sha256 from jobs where input_key is not null
  ) as named group by key order by key`;

async function takeFiles({ db, dataDir, dir }: Omit<BackupOptions, 'version'>) {
  const root = jobFolders(dataDir).artifacts;
  const store = new JobStore(db);
  const vanished: string[] = [];
  const damaged: string[] = [];
  let total = 0;
  let folder = '';
  for await (const value of readLines(listPath(dir))) {
    const { key, bytes } = listedFile.parse(value);
    const to = filePath(dir, key);
    if (dirname(to) !== folder) {
      folder = dirname(to);
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
    const size = await take(join(root, key), to);
    if (size !== undefined && (bytes === null || size === bytes)) {
      total += size;
    } else if (size === undefined && (await store.unused(db, [key])).length === 1) vanished.push(key);
    else damaged.push(key);
  }
  return { bytes: total, vanished, damaged };
}

/** Links where the disk is the same. @returns bytes; undefined when there is no such file. */
async function take(from: string, to: string): Promise<number | undefined> {
  try {
    await link(from, to).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw error;
      await copyFile(from, to, constants.COPYFILE_EXCL);
      await using file = await open(to, 'r');
      await file.sync();
    });
    return (await stat(to)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Keys and the like: whatever lies in DATA_DIR itself. After the rows, so that no row needs a key that is not there. */
async function copyState(dataDir: string, dir: string): Promise<BackupRecord['state']> {
  const entries = await readdir(dataDir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && !PASSING.test(entry.name)).map(({ name }) => name);
  const state: BackupRecord['state'] = [];
  for (const name of names.sort()) {
    const path = statePath(dir, name);
    await copyFile(join(dataDir, name), path, constants.COPYFILE_EXCL);
    {
      await using file = await open(path, 'r');
      await file.sync();
    }
    state.push({ name, sha256: await hashOf(path) });
  }
  return state;
}
