/**
 * Webhooks on their way. A gateway that works on one holds a lease, which ends by itself when the gateway dies; what it
 * then still writes is refused. Deleting a job deletes its webhooks too.
 */
import { randomUUID } from 'node:crypto';
import { type Generated, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { WebhookDeliveryStatus, WebhookEventType } from '../contract/webhooks.ts';
import type { Schema } from './schema.ts';

export interface WebhookDeliveryTable {
  /** Of the event: all attempts and replays have the same. */
  id: string;
  /** As `JobTable.owner`. */
  owner: string;
  job_id: string;
  url: string;
  /** Of the URL, without its port. */
  host: string;
  type: WebhookEventType;
  /** Sent byte for byte. */
  payload: string;
  status: Generated<WebhookDeliveryStatus>;
  /** Begun since it was made or replayed. */
  attempts: Generated<number>;
  /** Of a pending one. */
  next_attempt_at: Generated<Date>;
  /** Another one for every attempt; null when nobody works on it. */
  lease: string | null;
  leased_until: Date | null;
  /** HTTP status of the last attempt; null when no answer came. */
  last_status: number | null;
  last_error: string | null;
  created_at: Generated<Date>;
  delivered_at: Date | null;
  /** Grows with every change of the row; the database sees to it. */
  rev: Generated<number>;
}

export type WebhookDeliveryRow = Selectable<WebhookDeliveryTable>;
export type LeasedDelivery = WebhookDeliveryRow & { lease: string };

export interface NewDelivery {
  id: string;
  owner: string;
  jobId: string;
  url: string;
  host: string;
  type: WebhookEventType;
  payload: string;
}

/** undefined: anybody's. */
type Owner = string | undefined;

export interface DeliveryFilter {
  owner: Owner;
  jobId?: string | undefined;
  status?: WebhookDeliveryStatus | undefined;
  /** Id of the delivery that the page lies behind. */
  after?: string | undefined;
  limit: number;
}

export interface DeliveryOutcome {
  status: 'pending' | 'delivered' | 'dead';
  /** Until the next attempt; of a pending one. */
  delayMs?: number | undefined;
  lastStatus: number | undefined;
  lastError: string | undefined;
}

/** Notified when something may be due; without payload. */
export const WEBHOOK_CHANNEL = 'webhook_deliveries';
const NO_LEASE = { lease: null, leased_until: null };

export class WebhookDeliveryStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Committed with the transaction, and sent after that. A job that the transaction has deleted leaves none. */
  async add(transaction: Transaction<Schema>, { jobId, ...row }: NewDelivery): Promise<void> {
    const job = await transaction.selectFrom('jobs').select('id').where('id', '=', jobId).executeTakeFirst();
    if (job === undefined) return;
    await transaction
      .insertInto('webhook_deliveries')
      .values({ ...row, job_id: jobId })
      .execute();
    await wake(transaction);
  }

  /** Takes the one that has been due for longest, and whose host is none of `exceptHosts`. */
  async take(leaseMs: number, exceptHosts: readonly string[]): Promise<LeasedDelivery | undefined> {
    const lease = randomUUID();
    const row = await this.#db
      .updateTable('webhook_deliveries')
      .set({ lease, leased_until: fromNow(leaseMs), attempts: sql`attempts + 1` })
      .where('id', '=', (from) => {
        const due = from
          .selectFrom('webhook_deliveries')
          .select('id')
          .where('status', '=', 'pending')
          .where('next_attempt_at', '<=', sql<Date>`now()`)
          .where((where) => where.or([where('lease', 'is', null), where('leased_until', '<=', sql<Date>`now()`)]))
          .orderBy('next_attempt_at')
          .limit(1)
          .forUpdate()
          .skipLocked();
        return exceptHosts.length === 0 ? due : due.where('host', 'not in', exceptHosts);
      })
      .returningAll()
      .executeTakeFirst();
    return row === undefined ? undefined : { ...row, lease };
  }

  /** Has no effect when the lease is over and somebody else took it, or it was cancelled or deleted. */
  async finish({ id, lease }: LeasedDelivery, outcome: DeliveryOutcome): Promise<void> {
    const { status, delayMs, lastStatus, lastError } = outcome;
    await this.#db
      .updateTable('webhook_deliveries')
      .set({
        status,
        last_status: lastStatus ?? null,
        last_error: lastError ?? null,
        ...(delayMs === undefined ? {} : { next_attempt_at: fromNow(delayMs) }),
        ...(status === 'delivered' ? { delivered_at: sql`now()` } : {}),
        ...NO_LEASE,
      })
      .where('id', '=', id)
      .where('lease', '=', lease)
      .execute();
  }

  /** An attempt that was not made: it does not count, and the next one may begin at once. */
  async giveBack({ id, lease }: LeasedDelivery): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction
        .updateTable('webhook_deliveries')
        .set({ attempts: sql`attempts - 1`, ...NO_LEASE })
        .where('id', '=', id)
        .where('lease', '=', lease)
        .execute();
      await wake(transaction);
    });
  }

  /** Newest first. */
  async list(filter: DeliveryFilter): Promise<{ deliveries: WebhookDeliveryRow[]; hasMore: boolean }> {
    let query = this.#db.selectFrom('webhook_deliveries').selectAll().where(isOf(filter.owner));
    if (filter.jobId !== undefined) query = query.where('job_id', '=', filter.jobId);
    if (filter.status !== undefined) query = query.where('status', '=', filter.status);
    if (filter.after !== undefined) {
      // In the database, whose clock is finer than a Date.
      query = query.where(
        sql<boolean>`(created_at, id) < (select created_at, id from webhook_deliveries where id = ${filter.after}::uuid)`,
      );
    }
    const rows = await query
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(filter.limit + 1)
      .execute();
    return { deliveries: rows.slice(0, filter.limit), hasMore: rows.length > filter.limit };
  }

  async find(owner: Owner, id: string): Promise<WebhookDeliveryRow | undefined> {
    return this.#db
      .selectFrom('webhook_deliveries')
      .selectAll()
      .where(isOf(owner))
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** Due at once, with all its attempts before it; one that waits for its next attempt need not wait. */
  async replay(owner: Owner, id: string): Promise<WebhookDeliveryRow | undefined> {
    return this.#db.transaction().execute(async (transaction) => {
      const row = await transaction
        .updateTable('webhook_deliveries')
        .set({
          next_attempt_at: sql`now()`,
          // Of one that is pending already, the attempts go on.
          attempts: sql`case when status = 'pending' then attempts else 0 end`,
          status: 'pending',
          delivered_at: null,
        })
        .where(isOf(owner))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst();
      if (row !== undefined) await wake(transaction);
      return row;
    });
  }

  /** A pending one; an attempt that is under way is not called back. Others stay as they are. */
  async cancel(owner: Owner, id: string): Promise<void> {
    await this.#db
      .updateTable('webhook_deliveries')
      .set({ status: 'cancelled', ...NO_LEASE })
      .where(isOf(owner))
      .where('id', '=', id)
      .where('status', '=', 'pending')
      .execute();
  }
}

function isOf(owner: Owner) {
  return owner === undefined ? sql<boolean>`true` : sql<boolean>`owner = ${owner}`;
}

function fromNow(milliseconds: number) {
  return sql<Date>`now() + make_interval(secs => ${milliseconds / 1000})`;
}

/** When the transaction commits. */
async function wake(transaction: Transaction<Schema>): Promise<void> {
  await sql`select pg_notify(${WEBHOOK_CHANNEL}, '')`.execute(transaction);
}
