/**
 * Tickets: addresses that open one file without a key, for what cannot send one. Whoever uses a ticket first keeps it: all
 * later requests have to bring the session that the first was answered with. Only SHA-256 hashes are kept.
 */
import { randomBytes } from 'node:crypto';
import { type Generated, type Kysely, type Selectable, sql } from 'kysely';
import type { Principal } from '../contract/keys.ts';
import { hashOf } from './key-rows.ts';
import type { Schema } from './schema.ts';

export interface TicketTable {
  /** Of the ticket. */
  hash: string;
  /** As `JobTable.owner`: of the key that asked for it. */
  owner: string;
  job_id: string;
  /** The one path that it opens. */
  path: string;
  /** Of the session that has it; null: nobody yet. */
  session_hash: string | null;
  created_at: Generated<Date>;
  /** The first use must come before. */
  expires_at: Date;
  /** No use begins after. */
  ends_at: Date;
}

type TicketRow = Selectable<TicketTable>;

export interface IssuedTicket {
  ticket: string;
  expiresAt: Date;
  endsAt: Date;
}

/** What a request shows of a ticket. */
export interface ShownTicket {
  ticket: string;
  path: string;
  session: string | undefined;
}

export interface TicketStoreOptions {
  /** The key as it is now, if it works and its secret is that of `since`; undefined: its tickets open nothing. */
  principalOf(owner: string, since: Date): Promise<Principal | undefined>;
  firstUseSeconds?: number;
  lifeSeconds?: number;
}

const FIRST_USE_SECONDS = 60;
const LIFE_SECONDS = 300;
const SECRET_BYTES = 32;

export class TicketStore {
  readonly #db: Kysely<Schema>;
  readonly #options: TicketStoreOptions;

  constructor(db: Kysely<Schema>, options: TicketStoreOptions) {
    this.#db = db;
    this.#options = options;
  }

  async issue(grant: { owner: string; jobId: string; path: string }): Promise<IssuedTicket> {
    const { firstUseSeconds = FIRST_USE_SECONDS, lifeSeconds = LIFE_SECONDS } = this.#options;
    const ticket = randomBytes(SECRET_BYTES).toString('base64url');
    await this.#db.deleteFrom('tickets').where('ends_at', '<=', sql<Date>`now()`).execute();
    const { expires_at: expiresAt, ends_at: endsAt } = await this.#db
      .insertInto('tickets')
      .values({
        hash: hashOf(ticket),
        owner: grant.owner,
        job_id: grant.jobId,
        path: grant.path,
        session_hash: null,
        expires_at: sql`now() + make_interval(secs => ${firstUseSeconds})`,
        ends_at: sql`now() + make_interval(secs => ${lifeSeconds})`,
      })
      .returning(['expires_at', 'ends_at'])
      .executeTakeFirstOrThrow();
    return { ticket, expiresAt, endsAt };
  }

  /** @returns whose it is, and the session to answer the first use with; undefined when it opens nothing (any more). */
  async redeem(shown: ShownTicket): Promise<{ principal: Principal; session: string | undefined } | undefined> {
    const first = shown.session === undefined ? await this.#begin(shown) : undefined;
    const row = first?.row ?? (await this.#goOn(shown));
    if (row === undefined) return undefined;
    const principal = await this.#options.principalOf(row.owner, row.created_at);
    return principal && { principal, session: first?.session };
  }

  /** In one statement: of two first uses, one is. */
  async #begin({ ticket, path }: ShownTicket): Promise<{ row: TicketRow; session: string } | undefined> {
    const session = randomBytes(SECRET_BYTES).toString('base64url');
    const row = await this.#db
      .updateTable('tickets')
      .set({ session_hash: hashOf(session) })
      .where('hash', '=', hashOf(ticket))
      .where('path', '=', path)
      .where('session_hash', 'is', null)
      .where('expires_at', '>', sql<Date>`now()`)
      .returningAll()
      .executeTakeFirst();
    return row && { row, session };
  }

  async #goOn({ ticket, path, session }: ShownTicket): Promise<TicketRow | undefined> {
    if (session === undefined) return undefined;
    return this.#db
      .selectFrom('tickets')
      .selectAll()
      .where('hash', '=', hashOf(ticket))
      .where('path', '=', path)
      .where('session_hash', '=', hashOf(session))
      .where('ends_at', '>', sql<Date>`now()`)
      .executeTakeFirst();
  }
}
