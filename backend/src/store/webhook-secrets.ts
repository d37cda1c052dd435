/** What an owner's webhooks are signed with: one secret, or two while receivers change from the old one to the new. */
import { randomUUID } from 'node:crypto';
import { type Generated, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { Schema } from './schema.ts';
import type { SecretBox } from './secret-box.ts';

export interface WebhookSecretTable {
  id: string;
  /** As `JobTable.owner`. */
  owner: string;
  /** Encrypted, since signing needs the secret itself. */
  sealed: string;
  created_at: Generated<Date>;
  /** null: until the next rotation. */
  expires_at: Date | null;
}

/** Runs last in the transaction that makes or deletes the secret with this id. */
export type NoteSecret = (transaction: Transaction<Schema>, id: string) => Promise<void>;

export type WebhookSecretRow = Omit<Selectable<WebhookSecretTable>, 'sealed'>;

export const MAX_ACTIVE_SECRETS = 2;
const COLUMNS = ['id', 'owner', 'created_at', 'expires_at'] as const;
const isActive = sql<boolean>`(expires_at is null or expires_at > now())`;
const isExpired = sql<boolean>`expires_at <= now()`;

export class WebhookSecretStore {
  readonly #db: Kysely<Schema>;
  readonly #box: SecretBox;

  constructor(db: Kysely<Schema>, box: SecretBox) {
    this.#db = db;
    this.#box = box;
  }

  /** Active ones, newest first. */
  async list(owner: string): Promise<WebhookSecretRow[]> {
    return this.#active(owner).select(COLUMNS).execute();
  }

  /**
   * The new secret stays; the others expire after `overlapSeconds`, unless they do so earlier anyway.
   * @returns undefined when that would make one too many: nothing has changed then.
   */
  async rotate(
    owner: string,
    { secret, overlapSeconds, note }: { secret: string; overlapSeconds: number; note: NoteSecret },
  ): Promise<WebhookSecretRow | undefined> {
    const id = randomUUID();
    return this.#db.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(hashtextextended(${owner}, 3))`.execute(transaction);
      const { active } = await transaction
        .selectFrom('webhook_secrets')
        .select(sql<number>`count(*)`.as('active'))
        .where('owner', '=', owner)
        .where(isActive)
        .executeTakeFirstOrThrow();
      if (overlapSeconds > 0 && active >= MAX_ACTIVE_SECRETS) return undefined;
      await transaction.deleteFrom('webhook_secrets').where('owner', '=', owner).where(isExpired).execute();
      await transaction
        .updateTable('webhook_secrets')
        .set({ expires_at: sql`least(expires_at, now() + make_interval(secs => ${overlapSeconds}))` })
        .where('owner', '=', owner)
        .execute();
      const row = await transaction
        .insertInto('webhook_secrets')
        .values({ id, owner, sealed: this.#box.seal(secret, contextOf(id, owner)), expires_at: null })
        .returning(COLUMNS)
        .executeTakeFirstOrThrow();
      await note(transaction, id);
      return row;
    });
  }

  /** @returns whether it was there. */
  async delete(owner: string, id: string, note: NoteSecret): Promise<boolean> {
    return this.#db.transaction().execute(async (transaction) => {
      const { numDeletedRows } = await transaction
        .deleteFrom('webhook_secrets')
        .where('owner', '=', owner)
        .where('id', '=', id)
        .where(isActive)
        .executeTakeFirst();
      if (numDeletedRows !== 1n) return false;
      await note(transaction, id);
      return true;
    });
  }

  async deleteExpired(): Promise<void> {
    await this.#db.deleteFrom('webhook_secrets').where(isExpired).execute();
  }

  /** To sign with, newest first. `unreadable` ones were encrypted with another key than this gateway's. */
  async reveal(owner: string): Promise<{ secrets: string[]; unreadable: number }> {
    const rows = await this.#active(owner).select(['id', 'sealed']).execute();
    const opened = rows.map(({ id, sealed }) => this.#box.open(sealed, contextOf(id, owner)));
    const secrets = opened.filter((secret) => secret !== undefined);
    return { secrets, unreadable: opened.length - secrets.length };
  }

  #active(owner: string) {
    return this.#db
      .selectFrom('webhook_secrets')
      .where('owner', '=', owner)
      .where(isActive)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc');
  }
}

function contextOf(id: string, owner: string): string {
  return `webhook secret ${id} of ${owner}`;
}
