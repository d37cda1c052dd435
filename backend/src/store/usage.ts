/**
 * Audio seconds per key: reserved before the work, charged when it is done, given back when it failed. What is reserved
 * counts as used, so nothing that runs at the same time, in whatever gateway, can overrun a limit. A reservation is also
 * the place its work takes among the key's `concurrent_jobs`.
 */
import { type Generated, type Kysely, sql, type Transaction } from 'kysely';
import { type KeyLimits, type KeyUsage, NO_LIMITS } from '../contract/keys.ts';
import { concurrencyExceeded, quotaExhausted } from '../rate-limits.ts';
import { limitsOf } from './key-rows.ts';
import type { Schema } from './schema.ts';

export interface UsageReservationTable {
  /** Of the work: a job's or a request's id. */
  reference: string;
  owner: string;
  /** UTC day it began on, which is the day (and month) that is charged. */
  day: Date;
  seconds: number;
  /** null: until it is settled or released. Else the gateway that works on it renews it; a dead one's lapses. */
  expires_at: Date | null;
}

export interface UsageTotalTable {
  owner: string;
  /** UTC. */
  day: Date;
  /** Id; '' where that is not known. */
  model: Generated<string>;
  seconds: number;
  requests: number;
}

export interface Claim {
  /** Id of the key's record. */
  owner: string;
  /** Id of the work. */
  reference: string;
  /** Whole seconds of audio, all that the work is known to have; 0: it takes a place, and may turn out to cost nothing. */
  seconds: number;
  /** Id of the model that did the work. */
  model?: string | undefined;
}

type Db = Kysely<Schema> | Transaction<Schema>;

const LEASE_SECONDS = 60;
const FLUSH_MS = 500;
/** Two renewals may fail before a lease lapses. */
const RENEWALS_PER_LEASE = 4;
const TODAY = sql<Date>`(now() at time zone 'utc')::date`;
const IS_LIVE = sql<boolean>`(expires_at is null or expires_at > now())`;

/**
 * From now on the work holds a place and so many seconds; a second claim for the same work raises what it holds, if it is
 * greater. Inside a transaction, the key's other claims wait until that ends.
 * @throws concurrency_limit_exceeded, insufficient_quota: then nothing was taken.
 */
export async function hold(db: Db, claim: Claim, leaseSeconds: number | null = null): Promise<void> {
  await inTransaction(db, async (transaction) => {
    const { owner, reference, seconds } = claim;
    const limits = await lockLimits(transaction, owner);
    const use = await currentUse(transaction, owner, reference);
    if (use.own === null && limits.concurrent_jobs !== null && use.running >= limits.concurrent_jobs) {
      throw concurrencyExceeded(limits.concurrent_jobs);
    }
    const more = seconds - (use.own ?? 0);
    if (more > 0) requireSeconds(limits, use, more);
    await transaction
      .insertInto('usage_reservations')
      .values({
        owner,
        reference,
        seconds,
        day: TODAY,
        expires_at: leaseSeconds === null ? null : sql<Date>`now() + make_interval(secs => ${leaseSeconds})`,
      })
      .onConflict((conflict) =>
        conflict
          .column('reference')
          .doUpdateSet({ seconds: sql`greatest(usage_reservations.seconds, excluded.seconds)` }),
      )
      .execute();
  });
}

/** The work is done and took `seconds` of audio: they are charged, also to a key that has no limits. */
export async function settle(db: Db, { owner, reference, seconds, model = '' }: Claim): Promise<void> {
  await sql`
    with reservation as (delete from usage_reservations where reference = ${reference} returning day)
    insert into usage_totals as t (owner, day, model, seconds, requests)
    values (${owner}, coalesce((select day from reservation), ${TODAY}), ${model}, ${seconds}, 1)
    on conflict (owner, day, model) do update set
      seconds = t.seconds + excluded.seconds,
      requests = t.requests + 1`.execute(db);
}

async function addTotals(db: Db, counted: readonly Total[]): Promise<void> {
  await db
    .insertInto('usage_totals')
    .values(counted.map((total) => ({ ...total, day: TODAY })))
    .onConflict((conflict) =>
      conflict.columns(['owner', 'day', 'model']).doUpdateSet({
        seconds: sql`usage_totals.seconds + excluded.seconds`,
        requests: sql`usage_totals.requests + excluded.requests`,
      }),
    )
    .execute();
}

/** The work failed, or cost nothing. */
export async function release(db: Db, reference: string): Promise<void> {
  await db.deleteFrom('usage_reservations').where('reference', '=', reference).execute();
}

/**
 * The work goes on under another id, as a request does that becomes a job: what it held, that one holds now, until it is
 * settled or released.
 * @returns whether it held anything.
 */
export async function handOver(db: Db, from: string, to: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('usage_reservations')
    .set({ reference: to, expires_at: null })
    .where('reference', '=', from)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** What a key has used and what it holds at the moment. */
export async function readUsage(db: Db, owner: string): Promise<KeyUsage> {
  const limits = limitsOrNone(await limitColumns(db, owner).executeTakeFirst());
  const use = await currentUse(db, owner, '');
  return {
    object: 'api_key.usage',
    id: owner,
    running: use.running,
    today: {
      day: use.day,
      audio_seconds: use.usedToday,
      reserved_seconds: use.reservedToday,
      limit_seconds: limits.audio_seconds_per_day,
      requests: use.requestsToday,
    },
    this_month: {
      month: use.day.slice(0, 7),
      audio_seconds: use.usedThisMonth,
      reserved_seconds: use.reservedThisMonth,
      limit_seconds: limits.audio_seconds_per_month,
      requests: use.requestsThisMonth,
    },
  };
}

/** The claims of requests this gateway works on: they are renewed while it lives, and lapse when it does not. */
export class RequestClaims {
  readonly #db: Kysely<Schema>;
  readonly #references = new Set<string>();
  readonly #leaseSeconds: number;
  readonly #renewal: NodeJS.Timeout;
  /** By owner and model. */
  readonly #counted = new Map<string, Total>();
  #flushing: NodeJS.Timeout | undefined;

  constructor(db: Kysely<Schema>, { leaseSeconds = LEASE_SECONDS }: { leaseSeconds?: number } = {}) {
    this.#db = db;
    this.#leaseSeconds = leaseSeconds;
    // A renewal that fails is made up for by the next one.
    this.#renewal = setInterval(() => void this.#renew().catch(() => {}), (leaseSeconds * 1000) / RENEWALS_PER_LEASE);
    this.#renewal.unref();
  }

  /** As `hold`. */
  async hold(claim: Claim): Promise<void> {
    await hold(this.#db, claim, this.#leaseSeconds);
    this.#references.add(claim.reference);
  }

  /** As `settle`. */
  async settle(claim: Claim): Promise<void> {
    // What cannot be settled now lapses.
    this.#references.delete(claim.reference);
    await settle(this.#db, claim);
  }

  /** As `release`. */
  async release(reference: string): Promise<void> {
    this.#references.delete(reference);
    await release(this.#db, reference);
  }

  /** For work that held nothing: written with others' within a second. */
  count({ owner, seconds, model = '' }: Pick<Claim, 'owner' | 'seconds' | 'model'>): void {
    this.#add({ owner, model, seconds, requests: 1 });
    this.#flushing ??= setTimeout(() => void this.#flush().catch(() => {}), FLUSH_MS);
  }

  /** @throws when what was counted cannot be written. */
  async close(): Promise<void> {
    clearInterval(this.#renewal);
    clearTimeout(this.#flushing);
    await this.#flush();
  }

  async #flush(): Promise<void> {
    this.#flushing = undefined;
    const counted = [...this.#counted.values()];
    this.#counted.clear();
    if (counted.length === 0) return;
    try {
      await addTotals(this.#db, counted);
    } catch (error) {
      // With the next ones.
      for (const total of counted) this.#add(total);
      throw error;
    }
  }

  #add({ owner, model, seconds, requests }: Total): void {
    const key = JSON.stringify([owner, model]);
    const sum = this.#counted.get(key) ?? { owner, model, seconds: 0, requests: 0 };
    this.#counted.set(key, { ...sum, seconds: sum.seconds + seconds, requests: sum.requests + requests });
  }

  async #renew(): Promise<void> {
    await this.#db.deleteFrom('usage_reservations').where('expires_at', '<=', sql<Date>`now()`).execute();
    if (this.#references.size === 0) return;
    await this.#db
      .updateTable('usage_reservations')
      .set({ expires_at: sql`now() + make_interval(secs => ${this.#leaseSeconds})` })
      .where('reference', 'in', [...this.#references])
      .execute();
  }
}

interface Total {
  owner: string;
  model: string;
  seconds: number;
  requests: number;
}

/** What was charged, by day or by model, of one key or of all; both ends (`YYYY-MM-DD`, UTC) count. */
export async function readUsageTotals(
  db: Db,
  { key, from, to, group }: { key: string | undefined; from: string; to: string; group: 'day' | 'model' },
): Promise<{ name: string; seconds: number; requests: number }[]> {
  const name = group === 'day' ? sql<string>`day::text` : sql<string>`model`;
  let query = db
    .selectFrom('usage_totals')
    .select([
      name.as('name'),
      sql<number>`sum(seconds)::bigint`.as('seconds'),
      sql<number>`sum(requests)::bigint`.as('requests'),
    ])
    .where(sql<boolean>`day between ${from}::date and ${to}::date`)
    .groupBy(name)
    .orderBy(name);
  if (key !== undefined) query = query.where('owner', '=', key);
  return query.execute();
}

interface Use {
  /** Other works of the key. */
  running: number;
  /** Seconds that this work holds already; null: it is new. */
  own: number | null;
  /** `YYYY-MM-DD`, UTC. */
  day: string;
  usedToday: number;
  reservedToday: number;
  requestsToday: number;
  usedThisMonth: number;
  reservedThisMonth: number;
  requestsThisMonth: number;
  secondsToTomorrow: number;
  secondsToNextMonth: number;
}

/** One statement sees a claim that is being settled either as reserved or as used, never as both or neither. */
async function currentUse(db: Db, owner: string, reference: string): Promise<Use> {
  const { rows } = await sql<Use>`
    with own as (select day, seconds from usage_reservations where reference = ${reference}),
    date as (select coalesce((select day from own), ${TODAY}) as day),
    month as (select date_trunc('month', day)::date as first, (date_trunc('month', day) + interval '1 month')::date as next
      from date),
    used as (
      select coalesce(sum(seconds) filter (where t.day = date.day), 0)::bigint as "usedToday",
        coalesce(sum(requests) filter (where t.day = date.day), 0)::bigint as "requestsToday",
        coalesce(sum(seconds), 0)::bigint as "usedThisMonth",
        coalesce(sum(requests), 0)::bigint as "requestsThisMonth"
      from usage_totals t, date, month where owner = ${owner} and t.day >= month.first and t.day < month.next),
    held as (
      select coalesce(sum(seconds) filter (where r.day = date.day), 0)::bigint as "reservedToday",
        coalesce(sum(seconds) filter (where r.day >= month.first and r.day < month.next), 0)::bigint as "reservedThisMonth",
        count(*) filter (where reference <> ${reference}) as running
      from usage_reservations r, date, month where owner = ${owner} and ${IS_LIVE})
    select used.*, held.*, (select seconds from own) as own, date.day::text as day,
      extract(epoch from (date.day + 1) - (now() at time zone 'utc'))::float8 as "secondsToTomorrow",
      extract(epoch from month.next - (now() at time zone 'utc'))::float8 as "secondsToNextMonth"
    from used, held, date, month`.execute(db);
  const [use] = rows;
  if (use === undefined) throw new Error('the usage of a key has no row');
  return use;
}

/** The key's limits; its record stays locked until the transaction ends. Keys without a record have no limits. */
async function lockLimits(transaction: Transaction<Schema>, owner: string): Promise<KeyLimits> {
  return limitsOrNone(await limitColumns(transaction, owner).forNoKeyUpdate().executeTakeFirst());
}

/** Whether the key's audio seconds are limited. */
export async function isTimed(db: Db, owner: string): Promise<boolean> {
  const limits = limitsOrNone(await limitColumns(db, owner).executeTakeFirst());
  return limits.audio_seconds_per_day !== null || limits.audio_seconds_per_month !== null;
}

function limitColumns(db: Db, owner: string) {
  return db
    .selectFrom('api_keys')
    .select(['requests_per_minute', 'concurrent_jobs', 'audio_seconds_per_day', 'audio_seconds_per_month'])
    .where('id', '=', owner);
}

function limitsOrNone(row: KeyLimits | undefined): KeyLimits {
  return row === undefined ? NO_LIMITS : limitsOf(row);
}

/** @throws insufficient_quota when there are not so many left. */
function requireSeconds(limits: KeyLimits, use: Use, seconds: number): void {
  const spans = [
    {
      span: 'day' as const,
      limit: limits.audio_seconds_per_day,
      taken: use.usedToday + use.reservedToday,
      resetSeconds: use.secondsToTomorrow,
    },
    {
      span: 'month' as const,
      limit: limits.audio_seconds_per_month,
      taken: use.usedThisMonth + use.reservedThisMonth,
      resetSeconds: use.secondsToNextMonth,
    },
  ];
  // The one that lasts longest is the one to name.
  for (const { span, limit, taken, resetSeconds } of spans.toReversed()) {
    if (limit === null || taken + seconds <= limit) continue;
    const remaining = Math.max(0, limit - taken + (use.own ?? 0));
    throw quotaExhausted(span, { limit, remaining, resetSeconds });
  }
}

function inTransaction(db: Db, work: (transaction: Transaction<Schema>) => Promise<void>): Promise<void> {
  return db.isTransaction ? work(db as Transaction<Schema>) : db.transaction().execute(work);
}
