/** What operators have set otherwise than the environment, by name. */
import type { ColumnType, Generated, Kysely } from 'kysely';
import { sql } from 'kysely';
import { appendAudit } from './audit.ts';
import type { Schema } from './schema.ts';

export interface SettingTable {
  name: string;
  value: ColumnType<unknown, string, string>;
  updated_at: Generated<Date>;
}

export class SettingStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async read(): Promise<Record<string, unknown>> {
    const rows = await this.#db.selectFrom('settings').select(['name', 'value']).execute();
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  }

  /** Replaces those that are named, null removing them, and notes it in the audit log. */
  async change(actor: string, values: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      for (const [name, value] of Object.entries(values)) {
        if (value === null) await transaction.deleteFrom('settings').where('name', '=', name).execute();
        else {
          const row = { name, value: JSON.stringify(value) };
          await transaction
            .insertInto('settings')
            .values(row)
            .onConflict((conflict) =>
              conflict.column('name').doUpdateSet({ value: row.value, updated_at: sql<Date>`now()` }),
            )
            .execute();
        }
      }
      const subject = Object.keys(values).join(' ');
      await appendAudit(transaction, { actor, action: 'settings.update', subject, result: 'success' });
    });
  }
}
