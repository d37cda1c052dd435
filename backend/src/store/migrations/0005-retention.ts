/** What is kept of jobs that are gone, and who was forgotten. What a column means: ../retention.ts, ../erasure.ts. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  const now = sql`now()`;
  await db.schema
    .createTable('job_records')
    .addColumn('job_id', 'uuid', (column) => column.primaryKey())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('end_user', 'text')
    .addColumn('task', 'text', (column) => column.notNull())
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('error_code', 'text')
    .addColumn('input_name', 'text')
    .addColumn('input_sha256', 'text')
    .addColumn('input_bytes', 'bigint')
    .addColumn('audio_seconds', 'double precision')
    .addColumn('manifest', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('finished_at', 'timestamptz', (column) => column.notNull())
    .addColumn('recorded_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .execute();
  await db.schema.createIndex('job_records_of_owner').on('job_records').column('owner').execute();
  await sql`create index job_records_of_user on job_records (end_user) where end_user is not null`.execute(db);
  await sql`create index jobs_of_user on jobs ((metadata ->> 'user')) where metadata ->> 'user' is not null`.execute(
    db,
  );

  await db.schema
    .createTable('erasures')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('salt', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('subject', 'text')
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('counts', 'jsonb', (column) => column.notNull().defaultTo('{}'))
    .addColumn('requested_at', 'timestamptz', (column) => column.notNull())
    .addColumn('finished_at', 'timestamptz')
    .execute();
}
