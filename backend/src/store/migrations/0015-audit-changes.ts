/** What was changed, in rows of the audit log from now on. What the column means: ../audit.ts. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('audit_log').addColumn('changes', 'text').execute();
}
