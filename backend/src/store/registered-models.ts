/** Models that operators added to those of the families. Each change and its audit row happen together or not at all. */
import type { Generated, Kysely } from 'kysely';
import { appendAudit } from './audit.ts';
import type { Schema } from './schema.ts';

export interface RegisteredModelTable {
  id: string;
  family: string;
  repo: string;
  revision: string;
  /** As the family completed them: what it makes its definition of. */
  settings: unknown;
  created_at: Generated<Date>;
}

export interface RegisteredModel {
  id: string;
  family: string;
  repo: string;
  revision: string;
  /** Plain data, as the family completed it. */
  settings: Record<string, unknown>;
}

export class RegisteredModelStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Oldest first. */
  async read(): Promise<RegisteredModel[]> {
    const rows = await this.#db
      .selectFrom('registered_models')
      .select(['id', 'family', 'repo', 'revision', 'settings'])
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    return rows.map((row) => ({ ...row, settings: row.settings as RegisteredModel['settings'] }));
  }

  /** @param actor id of the principal who asks for it, here and below. @returns false when the id is taken. */
  add(actor: string, { settings, ...model }: RegisteredModel): Promise<boolean> {
    return this.#db.transaction().execute(async (transaction) => {
      const { numInsertedOrUpdatedRows } = await transaction
        .insertInto('registered_models')
        .values({ ...model, settings: JSON.stringify(settings) })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows !== 1n) return false;
      await appendAudit(transaction, { actor, action: 'model.register', subject: model.id, result: 'success' });
      return true;
    });
  }

  /** With what was wished and measured of it. */
  async remove(actor: string, id: string): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction.deleteFrom('registered_models').where('id', '=', id).execute();
      await transaction.deleteFrom('model_preferences').where('model', '=', id).execute();
      await transaction.deleteFrom('footprints').where('model', '=', id).execute();
      await appendAudit(transaction, { actor, action: 'model.unregister', subject: id, result: 'success' });
    });
  }
}
