/** What operators have set otherwise than the environment, by name. */
import type { ColumnType, Generated, Kysely } from 'kysely';
import { sql } from 'kysely';
import { changedFields } from '../contract/audit-changes.ts';
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
      const names = Object.keys(values);
      const rows = await transaction
        .selectFrom('settings')
        .select(['name', 'value'])
        .where('name', 'in', names)
        .forUpdate()
        .execute();
      const before = Object.fromEntries(rows.map(({ name, value }) => [name, value]));
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
      const changes = changedFields(before, values);
      const subject = names.join(' ');
      await appendAudit(transaction, { actor, action: 'settings.update', subject, result: 'success', changes });
    });
  }
}
