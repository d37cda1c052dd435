/** For commands: the configured database, whether the gateway runs at the moment or not. */

import { stat } from 'node:fs/promises';
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
 * has been made yet.
 */
export async function visitDatabaseAsItIs<T>(
  options: DatabaseOptions,
  visit: (db: Kysely<Schema>) => Promise<T>,
): Promise<T | undefined> {
  const { dataDir, databaseUrl, log } = options;
  const running = databaseUrl === undefined ? await EmbeddedPostgres.findRunning(dataDir) : undefined;
  const isMade = await stat(serverFiles(dataDir, '').data).then(
    () => true,
    () => false,
  );
  if (databaseUrl === undefined && running === undefined && !isMade) return undefined;
  const started =
    databaseUrl === undefined && running === undefined ? await EmbeddedPostgres.start({ dataDir, log }) : undefined;
  const connection = started?.connection ?? running ?? { connectionString: databaseUrl };
  const database = connectDatabase({ connection, log, waitMs: 0 });
  try {
    return await visit(database.db);
  } finally {
    await database.close();
    await started?.stop();
  }
}

async function open(options: DatabaseOptions): Promise<ReturnType<typeof connectDatabase>> {
  const { dataDir, databaseUrl, log } = options;
  if (databaseUrl !== undefined)
    return connectDatabase({ connection: { connectionString: databaseUrl }, log, waitMs: 0 });
  const running = await EmbeddedPostgres.findRunning(dataDir);
  return running === undefined ? openDatabase(options) : connectDatabase({ connection: running, log });
}
