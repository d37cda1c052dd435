/** Licences of models that admins confirmed. They stay when a model goes: whoever adds it again has confirmed it. */
import type { Generated, Kysely } from 'kysely';
import { appendAudit } from './audit.ts';
import type { Schema } from './schema.ts';

export interface LicenseConfirmationTable {
  model: string;
  repo: string;
  /** As the catalog showed it. */
  license: string;
  /** That the catalog named at the time. */
  revision: string;
  /** Id of the admin's key. */
  confirmed_by: string;
  confirmed_at: Generated<Date>;
}

export interface LicenseConfirmation {
  model: string;
  repo: string;
  revision: string;
  license: string;
  confirmedBy: string;
  confirmedAt: Date;
}

export class LicenseConfirmationStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async read(): Promise<LicenseConfirmation[]> {
    const rows = await this.#db.selectFrom('license_confirmations').selectAll().orderBy('confirmed_at').execute();
    return rows.map(({ confirmed_by: confirmedBy, confirmed_at: confirmedAt, ...row }) => {
      return { ...row, confirmedBy, confirmedAt };
    });
  }

  /** With its audit row; the first one of a model, repository and licence stands. */
  async confirm({ confirmedBy, ...confirmation }: Omit<LicenseConfirmation, 'confirmedAt'>): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      const { numInsertedOrUpdatedRows } = await transaction
        .insertInto('license_confirmations')
        .values({ ...confirmation, confirmed_by: confirmedBy })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows !== 1n) return;
      const { model, repo, revision, license } = confirmation;
      await appendAudit(transaction, {
        actor: confirmedBy,
        action: 'model.confirm_license',
        subject: `${model} ${repo}@${revision} ${license}`,
        result: 'success',
      });
    });
  }
}
