/** Background jobs, what they have done so far, and what they left. What a column means: ../jobs.ts. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  const now = sql`now()`;
  await db.schema
    .createTable('jobs')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('task', 'text', (column) => column.notNull())
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('priority', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('request', 'jsonb', (column) => column.notNull())
    .addColumn('metadata', 'jsonb', (column) => column.notNull())
    .addColumn('webhook_url', 'text')
    .addColumn('request_key', 'text')
    .addColumn('may_reuse', 'boolean', (column) => column.notNull())
    .addColumn('leader', 'uuid', (column) => column.references('jobs.id').onDelete('set null'))
    .addColumn('cached', 'boolean', (column) => column.notNull().defaultTo(false))
    .addColumn('input_key', 'text')
    .addColumn('input_name', 'text')
    .addColumn('input_sha256', 'text')
    .addColumn('input_bytes', 'bigint')
    .addColumn('url', 'text')
    .addColumn('audio_seconds', 'double precision')
    .addColumn('processed_seconds', 'double precision', (column) => column.notNull().defaultTo(0))
    .addColumn('compute_seconds', 'double precision', (column) => column.notNull().defaultTo(0))
    .addColumn('attempt', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('fruitless_attempts', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('position', 'jsonb')
    .addColumn('error', 'jsonb')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addColumn('started_at', 'timestamptz')
    .addColumn('finished_at', 'timestamptz')
    .execute();
  await db.schema.createIndex('jobs_of_owner').on('jobs').columns(['owner', 'created_at', 'id']).execute();
  await sql`create index jobs_unfinished on jobs (priority desc, created_at) where status in ('queued', 'running')`.execute(
    db,
  );
  await sql`create index jobs_of_request on jobs (request_key) where request_key is not null`.execute(db);
  await sql`create index jobs_of_leader on jobs (leader) where leader is not null`.execute(db);
  await sql`create index jobs_finished on jobs (finished_at) where finished_at is not null`.execute(db);

  await db.schema
    .createTable('job_windows')
    .addColumn('job_id', 'uuid', (column) => column.notNull().references('jobs.id').onDelete('cascade'))
    .addColumn('index', 'integer', (column) => column.notNull())
    .addColumn('window', 'jsonb', (column) => column.notNull())
    .addPrimaryKeyConstraint('job_windows_key', ['job_id', 'index'])
    .execute();
  await db.schema
    .createTable('job_events')
    .addColumn('job_id', 'uuid', (column) => column.notNull().references('jobs.id').onDelete('cascade'))
    .addColumn('seq', 'integer', (column) => column.notNull())
    .addColumn('event', 'jsonb', (column) => column.notNull())
    .addPrimaryKeyConstraint('job_events_key', ['job_id', 'seq'])
    .execute();
  await db.schema
    .createTable('artifacts')
    .addColumn('job_id', 'uuid', (column) => column.notNull().references('jobs.id').onDelete('cascade'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('content_type', 'text', (column) => column.notNull())
    .addColumn('bytes', 'bigint', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('artifacts_key', ['job_id', 'name'])
    .execute();
  await db.schema.createIndex('artifacts_by_key').on('artifacts').column('key').execute();
  await db.schema
    .createTable('idempotency_keys')
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('fingerprint', 'text', (column) => column.notNull())
    .addColumn('job_id', 'uuid', (column) => column.notNull().references('jobs.id').onDelete('cascade'))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addPrimaryKeyConstraint('idempotency_keys_key', ['owner', 'key'])
    .execute();
}
