/**
 * Voices that owners enrolled, under names of their own. Each change and its audit row happen together or not at all; a
 * row that has expired is there for nobody, and goes with the next sweep.
 */
import { randomUUID } from 'node:crypto';
import { type Generated, type Kysely, type Selectable, sql } from 'kysely';
import { appendAudit } from './audit.ts';
import type { Schema } from './schema.ts';

export interface SpeakerTable {
  /** `spk_…`, as callers see it. */
  id: string;
  /** As `JobTable.owner`. */
  owner: string;
  /** One of each for an owner. */
  name: string;
  /** Id of the model whose voiceprint it is. */
  model: string;
  /** Biometric: it leaves the database for comparisons and for the owner's export only. */
  voiceprint: number[];
  clips: number;
  /** Of speech in the clips. */
  seconds: number;
  created_at: Generated<Date>;
  /** null: not before it is deleted. */
  expires_at: Date | null;
}

export type SpeakerRow = Omit<Selectable<SpeakerTable>, 'voiceprint'>;

export interface NewSpeaker {
  owner: string;
  name: string;
  model: string;
  voiceprint: readonly number[];
  clips: number;
  seconds: number;
  expiresAfterDays?: number | undefined;
}

export interface SpeakerPage {
  owner: string;
  /** Id of the speaker that the page lies behind. */
  after?: string | undefined;
  limit: number;
}

const COLUMNS = ['id', 'owner', 'name', 'model', 'clips', 'seconds', 'created_at', 'expires_at'] as const;
const BATCH = 100;
const isActive = sql<boolean>`(expires_at is null or expires_at > now())`;
const isExpired = sql<boolean>`expires_at <= now()`;

export class SpeakerStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** @returns undefined when the owner has another one of that name. */
  add({ expiresAfterDays, voiceprint, ...speaker }: NewSpeaker): Promise<SpeakerRow | undefined> {
    const { owner, name } = speaker;
    return this.#db.transaction().execute(async (transaction) => {
      await transaction
        .deleteFrom('speakers')
        .where('owner', '=', owner)
        .where('name', '=', name)
        .where(isExpired)
        .execute();
      const row = await transaction
        .insertInto('speakers')
        .values({
          ...speaker,
          id: `spk_${randomUUID().replaceAll('-', '')}`,
          voiceprint: [...voiceprint],
          expires_at:
            expiresAfterDays === undefined ? null : sql<Date>`now() + make_interval(days => ${expiresAfterDays})`,
        })
        .onConflict((conflict) => conflict.columns(['owner', 'name']).doNothing())
        .returning(COLUMNS)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      await appendAudit(transaction, { actor: owner, action: 'speaker.enrol', subject: row.id, result: 'success' });
      return row;
    });
  }

  /** Newest first. */
  async list({ owner, after, limit }: SpeakerPage): Promise<{ speakers: SpeakerRow[]; hasMore: boolean }> {
    let query = this.#active(owner).select(COLUMNS);
    if (after !== undefined) {
      // In the database, whose clock is finer than a Date.
      query = query.where(
        sql<boolean>`(created_at, id) < (select created_at, id from speakers where id = ${after} and owner = ${owner})`,
      );
    }
    const speakers = await query
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute();
    return { speakers: speakers.slice(0, limit), hasMore: speakers.length > limit };
  }

  async find(owner: string, id: string): Promise<SpeakerRow | undefined> {
    return this.#active(owner).select(COLUMNS).where('id', '=', id).executeTakeFirst();
  }

  /** Those of these names that there are, with their voiceprints. */
  async named(owner: string, names: readonly string[]): Promise<Pick<SpeakerTable, 'name' | 'model' | 'voiceprint'>[]> {
    if (names.length === 0) return [];
    return this.#active(owner).select(['name', 'model', 'voiceprint']).where('name', 'in', names).execute();
  }

  /** @returns whether it was there. */
  delete(owner: string, id: string): Promise<boolean> {
    return this.#db.transaction().execute(async (transaction) => {
      const { numDeletedRows } = await transaction
        .deleteFrom('speakers')
        .where('owner', '=', owner)
        .where('id', '=', id)
        .where(isActive)
        .executeTakeFirst();
      if (numDeletedRows !== 1n) return false;
      await appendAudit(transaction, { actor: owner, action: 'speaker.delete', subject: id, result: 'success' });
      return true;
    });
  }

  /** For the sweep; several gateways may do it at a time. */
  async deleteExpired(): Promise<void> {
    for (;;) {
      const deleted = await this.#db.transaction().execute(async (transaction) => {
        const rows = await transaction
          .deleteFrom('speakers')
          .where('id', 'in', (from) =>
            from.selectFrom('speakers').select('id').where(isExpired).limit(BATCH).forUpdate().skipLocked(),
          )
          .returning('id')
          .execute();
        for (const { id } of rows) {
          await appendAudit(transaction, {
            actor: 'retention',
            action: 'speaker.expired',
            subject: id,
            result: 'success',
          });
        }
        return rows.length;
      });
      if (deleted < BATCH) return;
    }
  }

  #active(owner: string) {
    return this.#db.selectFrom('speakers').where('owner', '=', owner).where(isActive);
  }
}
