/** Brings a database to the shape this code expects; two gateways that start together take turns. */
import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { MIGRATIONS } from './migrations/index.ts';

/**
 * @returns names of the migrations that ran now.
 * @throws when the database was migrated by newer code, or a migration fails: then none of them has happened.
 */
export async function migrate<T>(
  db: Kysely<T>,
  migrations: Readonly<Record<string, Migration>> = MIGRATIONS,
): Promise<string[]> {
  const applied = await appliedMigrations(db);
  refuseNewer(applied, migrations);
  if (Object.keys(migrations).every((name) => applied.includes(name))) return [];
  // The migrator takes an advisory lock and runs all in one transaction.
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const failed = results.find(({ status }) => status === 'Error')?.migrationName;
    throw new Error(
      `The database could not be migrated${failed === undefined ? '' : ` (${failed})`}: ${reasonOf(error)}`,
      {
        cause: error,
      },
    );
  }
  return results.map(({ migrationName }) => migrationName);
}

/** Names of those that have run. */
export async function appliedMigrations<T>(db: Kysely<T>): Promise<string[]> {
  const { rows: tables } = await sql<{
    name: string | null;
  }>`select to_regclass('kysely_migration')::text as name`.execute(db);
  if (tables[0]?.name == null) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map(({ name }) => name);
}

function refuseNewer(applied: readonly string[], migrations: Readonly<Record<string, Migration>>): void {
  const unknown = applied.filter((name) => !Object.hasOwn(migrations, name));
  if (unknown.length > 0) {
    throw new Error(
      `The database belongs to a newer version of the gateway (it has ${unknown.join(', ')}). ` +
        'Start that version, or restore a backup of before.',
    );
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
