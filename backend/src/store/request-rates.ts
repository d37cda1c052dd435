/**
 * Requests per minute, as a token bucket of each key in the database: it holds a minute's requests and fills evenly.
 * All gateways draw from it, and a restart forgets nothing.
 */
import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

export interface RequestRateTable {
  owner: string;
  /** Requests that may come at once, at `updated_at`; a fraction is a request that is not due yet. */
  tokens: number;
  /** Whether the last request got one. */
  taken: boolean;
  updated_at: Date;
}

export interface RequestRate {
  allowed: boolean;
  limit: number;
  /** Requests that may follow at once. */
  remaining: number;
  /** Until a request may come; 0 when it may now. */
  waitSeconds: number;
  /** Until the bucket is full. */
  resetSeconds: number;
}

/** Counts a request, in one statement; one that is refused costs nothing. */
export async function takeRequest(db: Kysely<Schema>, owner: string, perMinute: number): Promise<RequestRate> {
  const refilled = refill(perMinute);
  const { rows } = await sql<{ tokens: number; taken: boolean }>`
    insert into request_rates as r (owner, tokens, taken, updated_at)
    values (${owner}, ${perMinute}::float8 - 1, true, now())
    on conflict (owner) do update set
      tokens = ${refilled} - (${refilled} >= 1)::int,
      taken = ${refilled} >= 1,
      updated_at = greatest(r.updated_at, now())
    returning tokens, taken`.execute(db);
  const [{ tokens, taken } = { tokens: 0, taken: false }] = rows;
  const secondsPerToken = 60 / perMinute;
  return {
    allowed: taken,
    limit: perMinute,
    remaining: Math.floor(tokens),
    waitSeconds: Math.max(0, 1 - tokens) * secondsPerToken,
    resetSeconds: Math.max(0, perMinute - tokens) * secondsPerToken,
  };
}

/** What `takeRequest` would find, nothing being counted. */
export async function readRequestRate(
  db: Kysely<Schema>,
  owner: string,
  perMinute: number,
): Promise<Pick<RequestRate, 'remaining' | 'resetSeconds'>> {
  const { rows } = await sql<{ tokens: number }>`
    select ${refill(perMinute)} as tokens from request_rates r where owner = ${owner}`.execute(db);
  const tokens = rows[0]?.tokens ?? perMinute;
  return { remaining: Math.floor(tokens), resetSeconds: ((perMinute - tokens) * 60) / perMinute };
}

/** Of the bucket `r`. A row that waited for another's lock may have read the clock before it. */
function refill(perMinute: number) {
  return sql<number>`least(${perMinute}::float8,
    r.tokens + greatest(0, extract(epoch from now() - r.updated_at)) * ${perMinute}::float8 / 60)`;
}
