/** What operators want of models and what was measured. What a column means: ../footprints.ts, ../preferences.ts, ../registered-models.ts. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  const now = sql`now()`;
  await db.schema
    .createTable('footprints')
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('precision', 'text', (column) => column.notNull().defaultTo(''))
    .addColumn('max_batch', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('device_kind', 'text', (column) => column.notNull().check(sql`device_kind in ('cpu', 'cuda')`))
    .addColumn('loaded_bytes', 'bigint', (column) => column.notNull())
    .addColumn('peak_bytes', 'bigint', (column) => column.notNull())
    .addColumn('measured_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addPrimaryKeyConstraint('footprints_key', ['model', 'precision', 'max_batch', 'device_kind'])
    .execute();

  await db.schema
    .createTable('model_preferences')
    .addColumn('model', 'text', (column) => column.primaryKey())
    .addColumn('devices', sql`text[]`, (column) => column.notNull())
    .addColumn('replicas_per_device', 'integer', (column) => column.notNull())
    .addColumn('precision', 'text')
    .addColumn('keep_alive_seconds', 'double precision')
    .addColumn('max_batch', 'integer')
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .execute();

  await db.schema
    .createTable('registered_models')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('family', 'text', (column) => column.notNull())
    .addColumn('repo', 'text', (column) => column.notNull())
    .addColumn('revision', 'text', (column) => column.notNull())
    .addColumn('settings', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .execute();
}
