/**
 * What Kysely draws connections from. While the server restarts, a query waits for a connection: nothing has been sent
 * yet, so any statement may wait. One that was under way when its connection broke fails with `database_unavailable`:
 * whether it happened is not known, and only its author can say if it may be repeated.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import { isUnavailable, toDatabaseError } from './database-errors.ts';

const POLL_MS = 50;

/** @param waitMs how long a query may wait for the server to come back. */
export function patientPool(pool: Pool, waitMs: number): PostgresPool {
  return {
    options: pool.options,
    connect: async () => new GuardedClient(await connect(pool, Date.now() + waitMs)),
    end: () => pool.end(),
  };
}

async function connect(pool: Pool, deadline: number): Promise<PoolClient> {
  for (;;) {
    try {
      return await pool.connect();
    } catch (error) {
      if (!isUnavailable(error) || Date.now() > deadline) throw toDatabaseError(error);
      await sleep(POLL_MS);
    }
  }
}

class GuardedClient implements PostgresPoolClient {
  readonly #client: PoolClient;
  #broken = false;

  constructor(client: PoolClient) {
    this.#client = client;
  }

  query<R>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query(text: string | PostgresCursor<unknown>, parameters: readonly unknown[] = []): unknown {
    if (typeof text !== 'string') throw new TypeError('no cursor class was given to Kysely');
    return this.#client.query(text, [...parameters]).catch((error: unknown) => {
      this.#broken ||= isUnavailable(error);
      throw toDatabaseError(error);
    });
  }

  release(destroy?: boolean): void {
    // The server's farewell may arrive before its connection closes: the next query must not get it.
    this.#client.release(destroy || this.#broken);
  }
}
