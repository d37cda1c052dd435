/** For commands: the configured database, whether the gateway runs at the moment or not. */

import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Kysely } from 'kysely';
import { connectDatabase, type DatabaseOptions, openDatabase } from './database.ts';
import { EmbeddedPostgres } from './embedded-postgres.ts';
import type { Schema } from './schema.ts';
import { serverFiles } from './server-files.ts';

/** Calls `visit` with the running database as it is, or with an embedded one started for it. */
export async function visitDatabase<T>(
  options: DatabaseOptions,
  visit: (db: Kysely<Schema>) => Promise<T>,
): Promise<T> {
  const database = await open(options);
  try {
    return await visit(database.db);
  } finally {
    await database.close();
  }
}

/**
 * As `visitDatabase`, changing nothing: what is to be migrated stays so. Returns undefined where no embedded database
 * has been made yet. @throws also when it would have to be started, and is another user's
 */
export async function visitDatabaseAsItIs<T>(
  options: DatabaseOptions,
  visit: (db: Kysely<Schema>) => Promise<T>,
): Promise<T | undefined> {
  const { dataDir, databaseUrl, log } = options;
  const running = databaseUrl === undefined ? await EmbeddedPostgres.findRunning(dataDir) : undefined;
  const isAsleep = databaseUrl === undefined && running === undefined;
  if (isAsleep && !(await isMade(dataDir))) return undefined;
  const started = isAsleep ? await EmbeddedPostgres.start({ dataDir, log }) : undefined;
  const connection = started?.connection ?? running ?? { connectionString: databaseUrl };
  const database = connectDatabase({ connection, log, waitMs: 0 });
  try {
    return await visit(database.db);
  } finally {
    await database.close();
    await started?.stop();
  }
}

async function isMade(dataDir: string): Promise<boolean> {
  const { lock, data } = serverFiles(dataDir, '');
  const [folder, cluster] = await Promise.all([statIfThere(dirname(lock)), statIfThere(data)]);
  if (folder === undefined || cluster === undefined) return false;
  // Its start would make the files this user's, and the gateway could not start any more.
  if (folder.uid === process.getuid?.()) return true;
  throw new Error(`it is not running, and belongs to the user with the id ${folder.uid}: run this as that user`);
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

async function open(options: DatabaseOptions): Promise<ReturnType<typeof connectDatabase>> {
  const { dataDir, databaseUrl, log } = options;
  if (databaseUrl !== undefined)
    return connectDatabase({ connection: { connectionString: databaseUrl }, log, waitMs: 0 });
  const running = await EmbeddedPostgres.findRunning(dataDir);
  return running === undefined ? openDatabase(options) : connectDatabase({ connection: running, log });
}
