/** What a running job is at. What a column means: ../jobs.ts. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('jobs').addColumn('stage', 'text').addColumn('stage_done', 'double precision').execute();
}
