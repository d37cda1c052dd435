/** For commands: the configured database, whether the gateway runs at the moment or not. */
import type { Kysely } from 'kysely';
import { connectDatabase, type DatabaseOptions, openDatabase } from './database.ts';
import { EmbeddedPostgres } from './embedded-postgres.ts';
import type { Schema } from './schema.ts';

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

async function open(options: DatabaseOptions): Promise<ReturnType<typeof connectDatabase>> {
  const { dataDir, databaseUrl, log } = options;
  if (databaseUrl !== undefined)
    return connectDatabase({ connection: { connectionString: databaseUrl }, log, waitMs: 0 });
  const running = await EmbeddedPostgres.findRunning(dataDir);
  return running === undefined ? openDatabase(options) : connectDatabase({ connection: running, log });
}
