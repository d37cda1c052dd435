/** Rows as PostgreSQL itself writes and reads them (composite literals): what comes back is what was there, in every type. */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Schema } from './schema.ts';
import { TABLES } from './tables.ts';

export interface TableShape {
  name: keyof Schema;
  /** In order, `name type`. */
  columns: string[];
}

const FETCH_ROWS = 200;

/** Of the tables that are there. */
export async function tableShapes(db: Kysely<Schema>): Promise<TableShape[]> {
  const { rows } = await sql<{ name: keyof Schema; columns: string[] }>`
    select c.relname as name,
      array_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) order by a.attnum)::text[] as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and c.relname in (${sql.join(TABLES)})
    group by c.relname order by c.relname`.execute(db);
  return rows;
}

/** Every row of the snapshot that the transaction sees. */
export async function* readRows(transaction: Transaction<Schema>, table: string): AsyncGenerator<string> {
  await setFormats(transaction);
  yield* cursor<string>(transaction, sql`select t::text as value from ${sql.id(table)} t`);
}

/** Values of the query's column `value`, a few at a time. */
export async function* cursor<T>(transaction: Transaction<Schema>, query: ReturnType<typeof sql>): AsyncGenerator<T> {
  await sql`declare rows_of_table no scroll cursor for ${query}`.execute(transaction);
  try {
    for (;;) {
      const { rows } = await sql<{ value: T }>`fetch ${sql.lit(FETCH_ROWS)} from rows_of_table`.execute(transaction);
      for (const { value } of rows) yield value;
      if (rows.length < FETCH_ROWS) return;
    }
  } finally {
    await sql`close rows_of_table`.execute(transaction).catch(() => {});
  }
}

/** @param rows as `readRows` gave them, of a table with the same columns. */
export async function insertRows(transaction: Transaction<Schema>, table: string, rows: readonly string[]) {
  await setFormats(transaction);
  const type = sql.raw(`"${table}"[]`);
  await sql`insert into ${sql.id(table)} select * from unnest(${rows}::${type})`.execute(transaction);
}

/** Lets rows refer to others that are not there yet, until `load` is done. @throws when one refers to none. */
export async function withReferencesDeferred(transaction: Transaction<Schema>, load: () => Promise<void>) {
  const { rows } = await sql<{ table: string; name: string }>`
    select conrelid::regclass::text as table, conname as name from pg_constraint
    where contype = 'f' and not condeferrable and connamespace = current_schema()::regnamespace`.execute(transaction);
  const alter = async (how: string) => {
    for (const { table, name } of rows) {
      await sql`alter table ${sql.raw(table)} alter constraint ${sql.id(name)} ${sql.raw(how)}`.execute(transaction);
    }
  };
  await alter('deferrable initially deferred');
  await load();
  await sql`set constraints all immediate`.execute(transaction);
  await alter('not deferrable');
}

/** Deletes the gateway's tables, whatever version they are of. */
export async function dropTables(transaction: Transaction<Schema>, names: readonly string[]): Promise<void> {
  const { rows: functions } = await sql<{ name: string }>`
    select distinct tgfoid::regprocedure::text as name from pg_trigger
    where not tgisinternal and tgrelid in (
      select oid from pg_class where relnamespace = current_schema()::regnamespace and relname in (${sql.join(names)}))
  `.execute(transaction);
  for (const name of names) await sql`drop table if exists ${sql.id(name)} cascade`.execute(transaction);
  for (const { name } of functions) await sql`drop function ${sql.raw(name)}`.execute(transaction);
}

/** The texts of times and numbers depend on settings of the session. */
async function setFormats(transaction: Transaction<Schema>): Promise<void> {
  await sql`set local datestyle = 'ISO, YMD'`.execute(transaction);
  await sql`set local timezone = 'UTC'`.execute(transaction);
  await sql`set local intervalstyle = 'postgres'`.execute(transaction);
  await sql`set local extra_float_digits = 1`.execute(transaction);
}
