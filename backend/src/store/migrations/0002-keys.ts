/** API keys, the pace of their requests, and the audio seconds they have used. What a column means: ../keys.ts, ../usage.ts. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('api_keys')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('prefix', 'text')
    .addColumn('hash', 'text', (column) => column.notNull().unique())
    .addColumn('previous_hash', 'text', (column) => column.unique())
    .addColumn('previous_expires_at', 'timestamptz')
    .addColumn('admin', 'boolean', (column) => column.notNull())
    .addColumn('tasks', sql`text[]`)
    .addColumn('models', sql`text[]`)
    .addColumn('requests_per_minute', 'integer')
    .addColumn('concurrent_jobs', 'integer')
    .addColumn('audio_seconds_per_day', 'integer')
    .addColumn('audio_seconds_per_month', 'integer')
    .addColumn('webhook_url', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('expires_at', 'timestamptz')
    .addColumn('rotated_at', 'timestamptz')
    .addColumn('revoked_at', 'timestamptz')
    .execute();
  await db.schema
    .createTable('request_rates')
    .addColumn('owner', 'text', (column) => column.primaryKey())
    .addColumn('tokens', 'double precision', (column) => column.notNull())
    .addColumn('taken', 'boolean', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('usage_reservations')
    .addColumn('reference', 'text', (column) => column.primaryKey())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('day', 'date', (column) => column.notNull())
    .addColumn('seconds', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz')
    .execute();
  await db.schema.createIndex('usage_reservations_of_owner').on('usage_reservations').column('owner').execute();
  await db.schema
    .createTable('usage_totals')
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('day', 'date', (column) => column.notNull())
    .addColumn('seconds', 'bigint', (column) => column.notNull())
    .addColumn('requests', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('usage_totals_key', ['owner', 'day'])
    .execute();
}
