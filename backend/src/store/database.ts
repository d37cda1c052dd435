/** The one database of a gateway: the embedded server, or the one that DATABASE_URL names. The code above cannot tell. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool, type PoolClient, type PoolConfig, types } from 'pg';
import type { Logger } from '../logger.ts';
import { isUnavailable } from './database-errors.ts';
import { EmbeddedPostgres } from './embedded-postgres.ts';
import { migrate } from './migrate.ts';
import { patientPool } from './patient-pool.ts';
import type { Schema } from './schema.ts';

export interface Database {
  db: Kysely<Schema>;
  pool: Pool;
  /** For what keeps connections of its own, such as the job queue; holds the password. */
  connection: PoolConfig;
  /** Which database it is, in words, without its password. */
  description: string;
  embedded: EmbeddedPostgres | undefined;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  dataDir: string;
  /** undefined: the embedded server in `dataDir`. */
  databaseUrl: string | undefined;
  log: Logger;
  /** How long a query waits for a server that restarts. */
  waitMs?: number;
  /** How long the start waits for an external server. */
  startWaitMs?: number;
}

const MAX_CONNECTIONS = 10;
/** The embedded server is back in a fraction of a second, a failover in a few. */
const WAIT_MS = 5_000;
/** A compose file starts both at once. */
const START_WAIT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 5_000;
const FAREWELL_MS = 2_000;

/** Numbers up to 2^53 are enough for ids, counts and bytes; `pg` gives eight-byte integers as text. */
const INT8_OID = 20;
const int8AsNumber: PoolConfig['types'] = {
  getTypeParser: ((oid: number, format: 'text' | 'binary' = 'text') =>
    oid === INT8_OID && format === 'text' ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

/** Starts or connects to the database and migrates it. @throws with a sentence for the operator. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { dataDir, databaseUrl, log, startWaitMs = START_WAIT_MS } = options;
  const embedded = databaseUrl === undefined ? await EmbeddedPostgres.start({ dataDir, log }) : undefined;
  const connection: PoolConfig = embedded?.connection ?? { connectionString: databaseUrl };
  const database = connectDatabase({ connection, log, waitMs: options.waitMs });
  const close = async () => {
    await database.close();
    await embedded?.stop();
  };
  try {
    const place =
      embedded === undefined
        ? describeUrl(databaseUrl ?? '')
        : `embedded in ${dataDir}, port ${embedded.connection.port}`;
    const version = await firstAnswer(database.pool, place, startWaitMs);
    const applied = await migrate(database.db);
    if (applied.length > 0) log.info('database migrated', { applied });
    return { ...database, embedded, description: `PostgreSQL ${version}, ${place}`, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export interface ConnectionOptions {
  connection: PoolConfig;
  log: Logger;
  waitMs?: number | undefined;
}

/** Connections to a database that runs and is left as it is. */
export function connectDatabase({
  connection,
  log,
  waitMs = WAIT_MS,
}: ConnectionOptions): Pick<Database, 'db' | 'pool' | 'connection' | 'ping' | 'close'> {
  const pool = new Pool({
    ...connection,
    types: int8AsNumber,
    application_name: 'audio-gateway',
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  // A connection that breaks says so by an event as well; without a listener that ends the process.
  const open = new Set<PoolClient>();
  pool.on('error', (error) => log.warn('a database connection was lost', { reason: error.message }));
  pool.on('connect', (client) => {
    open.add(client);
    client.on('error', () => {});
    client.once('end', () => open.delete(client));
  });
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: patientPool(pool, waitMs) }) });
  const close = async () => {
    // The pool ends as soon as it has said goodbye; whoever closes wants to know that nothing is connected any more.
    const farewells = [...open].map((client) => new Promise((resolve) => client.once('end', resolve)));
    await pool.end();
    await Promise.race([Promise.all(farewells), sleep(FAREWELL_MS, undefined, { ref: false })]);
  };
  let closed: Promise<void> | undefined;
  return {
    db,
    pool,
    connection,
    ping: async () => {
      await pool.query('select 1');
    },
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

async function firstAnswer(pool: Pool, place: string, waitMs: number): Promise<string> {
  const patient = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: patientPool(pool, waitMs) }) });
  try {
    const { rows } = await sql<{ server_version: string }>`show server_version`.execute(patient);
    return rows[0]?.server_version ?? '?';
  } catch (error) {
    const cause = error instanceof Error && isUnavailable(error.cause) ? error.cause : error;
    throw new Error(`The database (${place}) cannot be used: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

/** `user@host:port/name`. */
export function describeUrl(databaseUrl: string): string {
  const { username, host, pathname } = new URL(databaseUrl);
  return `${username === '' ? '' : `${username}@`}${host}${pathname}`;
}
