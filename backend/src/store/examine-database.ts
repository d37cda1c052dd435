/** What an operator wants to know of the database: which it is, its shape, its clock. */
import { type Kysely, sql } from 'kysely';
import { appliedMigrations } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';
import type { Schema } from './schema.ts';

export interface DatabaseExamination {
  /** Such as `18.4`. */
  version: string;
  /** Migrations of this version that have not run. */
  pending: string[];
  /** Migrations that have run and that this version does not know. */
  unknown: string[];
  /** Its clock ahead of ours, in seconds. */
  clockSkewSeconds: number;
}

/** @throws what the database says, or why it cannot be reached */
export async function examineDatabase(db: Kysely<Schema>): Promise<DatabaseExamination> {
  const before = Date.now();
  const { rows } = await sql<{ now: Date; version: string }>`
    select clock_timestamp() as now, current_setting('server_version') as version`.execute(db);
  // Halfway between question and answer.
  const ours = (before + Date.now()) / 2;
  const [answer] = rows;
  if (answer === undefined) throw new Error('the database answered with nothing');
  const applied = await appliedMigrations(db);
  return {
    version: answer.version,
    pending: Object.keys(MIGRATIONS).filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !Object.hasOwn(MIGRATIONS, name)),
    clockSkewSeconds: (answer.now.getTime() - ours) / 1000,
  };
}
