/** What operators' pages need: revisions, announcements of changes, settings, and usage by model. What a column means: ../changes.ts, ../settings.ts, ../usage.ts. */
import { type Kysely, sql } from 'kysely';

/** Table → what its changes are announced as; whether it has revisions. */
const ANNOUNCED = [
  ['jobs', 'job', true],
  ['api_keys', 'key', true],
  ['webhook_deliveries', 'webhook', true],
  ['webhook_secrets', 'webhook_secret', false],
] as const;
const REVISED = ['jobs', 'api_keys', 'webhook_deliveries'] as const;

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create function raise_rev() returns trigger language plpgsql as $$
    begin
      new.rev := old.rev + 1;
      return new;
    end $$`.execute(db);
  for (const table of REVISED) {
    await db.schema
      .alterTable(table)
      .addColumn('rev', 'bigint', (column) => column.notNull().defaultTo(1))
      .execute();
    await sql`create trigger raise_rev before update on ${sql.table(table)}
      for each row when (old.* is distinct from new.*) execute function raise_rev()`.execute(db);
  }

  for (const [table, entity, hasRev] of ANNOUNCED) await announce(db, { table, entity, key: 'id', hasRev });
  await announce(db, { table: 'audit_log', entity: 'audit', key: 'seq', hasRev: false });

  await db.schema
    .createTable('settings')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'jsonb', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .execute();
  await announce(db, { table: 'settings', entity: 'settings', key: 'name', hasRev: false });

  const totals = () => db.schema.alterTable('usage_totals');
  await totals()
    .addColumn('model', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
  await totals().dropConstraint('usage_totals_key').execute();
  await totals().addPrimaryKeyConstraint('usage_totals_key', ['owner', 'day', 'model']).execute();
}

interface Announcement {
  table: string;
  entity: string;
  key: string;
  hasRev: boolean;
}

async function announce(db: Kysely<unknown>, { table, entity, key, hasRev }: Announcement): Promise<void> {
  const name = sql.id(`announce_${entity}`);
  const column = sql.id(key);
  const rev = hasRev ? sql`coalesce(new.rev, old.rev)` : sql`null`;
  await sql`create function ${name}() returns trigger language plpgsql as $$
    begin
      if tg_op = 'UPDATE' and new is not distinct from old then
        return null;
      end if;
      perform pg_notify('admin_changes', json_build_object('entity', ${sql.lit(entity)}::text,
        'id', coalesce(new.${column}, old.${column})::text, 'rev', ${rev}, 'deleted', tg_op = 'DELETE')::text);
      return null;
    end $$`.execute(db);
  await sql`create trigger announce after insert or update or delete on ${sql.table(table)}
    for each row execute function ${name}()`.execute(db);
}
