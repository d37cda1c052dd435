/** Voices that owners enrolled. What a column means: ../speakers.ts. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('speakers')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('voiceprint', sql`double precision[]`, (column) => column.notNull())
    .addColumn('clips', 'integer', (column) => column.notNull())
    .addColumn('seconds', 'double precision', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('expires_at', 'timestamptz')
    .addUniqueConstraint('speakers_name', ['owner', 'name'])
    .execute();
  await db.schema.createIndex('speakers_of_owner').on('speakers').columns(['owner', 'created_at', 'id']).execute();
  await sql`create index speakers_expiring on speakers (expires_at) where expires_at is not null`.execute(db);
}
