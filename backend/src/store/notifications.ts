/** What other connections announce (`pg_notify`), heard on a connection of its own that comes back when it breaks. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type PoolConfig } from 'pg';
import type { Logger } from '../logger.ts';

const RETRY_MS = 200;
const RETRY_MAX_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

export class Notifications {
  readonly #connection: PoolConfig;
  readonly #log: Logger;
  readonly #channel: string;
  readonly #listeners = new Set<(payload: string | undefined) => void>();
  #client: Client | undefined;
  #closed = false;
  #running: Promise<void>;

  constructor({ connection, channel, log }: { connection: PoolConfig; channel: string; log: Logger }) {
    this.#connection = connection;
    this.#channel = channel;
    this.#log = log;
    this.#running = this.#run();
  }

  /**
   * `undefined` instead of a payload: something may have been missed while the connection was broken.
   * @returns the function that ends the subscription.
   */
  subscribe(listener: (payload: string | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#client?.end().catch(() => {});
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let delay = RETRY_MS; !this.#closed; delay = Math.min(RETRY_MAX_MS, 2 * delay)) {
      const client = new Client({ ...this.#connection, application_name: 'audio-gateway events', keepAlive: true });
      const ended = new Promise<void>((resolve) => {
        client.once('end', resolve);
        client.on('error', () => resolve());
      });
      client.on('notification', ({ payload = '' }) => this.#tell(payload));
      try {
        await client.connect();
        this.#client = client;
        // Closed meanwhile: `close` had nothing to end yet.
        if (this.#closed) await client.end();
        await client.query(`listen ${client.escapeIdentifier(this.#channel)}`);
        delay = RETRY_MS / 2;
        this.#tell(undefined);
        // A connection that died without a word shows by a query that gets no answer.
        const pulse = setInterval(() => void client.query('select 1').catch(() => client.end()), KEEP_ALIVE_MS);
        await ended;
        clearInterval(pulse);
      } catch (error) {
        if (!this.#closed) this.#log.debug('not listening to the database', { reason: String(error) });
      }
      await client.end().catch(() => {});
      if (!this.#closed) await sleep(delay);
    }
  }

  #tell(payload: string | undefined): void {
    for (const listener of this.#listeners) listener(payload);
  }
}
