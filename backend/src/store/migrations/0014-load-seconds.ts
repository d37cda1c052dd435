/** How long loads took. What the column means: ../footprints.ts. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('footprints').addColumn('load_seconds', 'double precision').execute();
}
