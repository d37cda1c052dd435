/** When each thing happened to a job. What a column means: ../jobs.ts. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('jobs_by_time').on('jobs').columns(['created_at', 'id']).execute();
  await db.schema
    .alterTable('job_events')
    .addColumn('at', 'timestamptz', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
    .execute();
}
