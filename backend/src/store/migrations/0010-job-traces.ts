/** When each thing happened to a job, and a number that grows with every change of it. What a column means: ../jobs.ts. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('jobs')
    .addColumn('rev', 'integer', (column) => column.notNull().defaultTo(1))
    .execute();
  await sql`create function jobs_next_rev() returns trigger language plpgsql as
    $$ begin new.rev := old.rev + 1; return new; end $$`.execute(db);
  await sql`create trigger jobs_rev before update on jobs for each row execute function jobs_next_rev()`.execute(db);
  await db.schema.createIndex('jobs_by_time').on('jobs').columns(['created_at', 'id']).execute();
  await db.schema
    .alterTable('job_events')
    .addColumn('at', 'timestamptz', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
    .execute();
}
