/** Artifacts that are the results of stages. What the column means: ../jobs.ts. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('artifacts').addColumn('stage_key', 'text').execute();
  await sql`create index artifacts_of_stage on artifacts (stage_key) where stage_key is not null`.execute(db);
}
