/**
 * Who a key belongs to. Keys of the environment are held in memory; all others are records in the database, looked up
 * at each request, so that a revocation holds at once in every gateway. Only SHA-256 hashes are kept.
 */
import { timingSafeEqual } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { ANONYMOUS, NO_LIMITS, type Principal } from '../contract/keys.ts';
import { GatewayError } from '../errors.ts';
import { importKeyFile, writeInitialKey } from './key-files.ts';
import { hashOf, makeKeyId, makeSecret, toPrincipal } from './key-rows.ts';
import type { Schema } from './schema.ts';

interface EnvironmentKey {
  principal: Principal;
  hash: Buffer;
}

export class Keys {
  readonly #db: Kysely<Schema>;
  readonly #environment: readonly EnvironmentKey[];

  constructor(db: Kysely<Schema>, environment: readonly EnvironmentKey[]) {
    this.#db = db;
    this.#environment = environment;
  }

  /**
   * Whether keys open `/v1` for users; without any the server may answer anonymously on loopback. A key that was
   * revoked or has expired counts: the server must not open because its last key closed.
   */
  async hasUserKeys(): Promise<boolean> {
    if (this.#environment.some(({ principal }) => principal.role === 'user')) return true;
    const found = await this.#db
      .selectFrom('api_keys')
      .select('id')
      .where('admin', '=', false)
      .limit(1)
      .executeTakeFirst();
    return found !== undefined;
  }

  /** @throws api_key_revoked, api_key_expired (also a secret that a rotation has replaced), database_unavailable. */
  async identify(secret: string): Promise<Principal | undefined> {
    const hash = hashOf(secret);
    const known = this.#fromEnvironment(Buffer.from(hash, 'hex'));
    if (known !== undefined) return known;
    const row = await this.#db
      .selectFrom('api_keys')
      .selectAll()
      .select([
        sql<boolean>`expires_at is not null and expires_at <= now()`.as('is_expired'),
        sql<boolean>`hash <> ${hash} and coalesce(previous_expires_at <= now(), true)`.as('is_replaced'),
      ])
      .where((where) => where.or([where('hash', '=', hash), where('previous_hash', '=', hash)]))
      .executeTakeFirst();
    if (row === undefined) return undefined;
    if (row.revoked_at !== null) {
      throw new GatewayError('api_key_revoked', { message: 'This API key was revoked. Use another one.' });
    }
    if (row.is_replaced) {
      throw new GatewayError('api_key_expired', { message: 'This API key was rotated. Use its new secret.' });
    }
    if (row.is_expired) {
      throw new GatewayError('api_key_expired', { message: 'This API key has expired. Use another one.' });
    }
    return toPrincipal(row);
  }

  /** Whose tickets and the like still count: a key that works, and has had no other secret since. */
  async stillValid(id: string, since: Date): Promise<Principal | undefined> {
    if (id === ANONYMOUS.id) return ANONYMOUS;
    const fromEnvironment = this.environmentPrincipal(id);
    if (fromEnvironment !== undefined) return fromEnvironment;
    const row = await this.#db
      .selectFrom('api_keys')
      .selectAll()
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .where(sql<boolean>`coalesce(expires_at > now(), true) and coalesce(rotated_at <= ${since}, true)`)
      .executeTakeFirst();
    return row && toPrincipal(row);
  }

  /** The record of a key of the environment; undefined for any other id. */
  environmentPrincipal(id: string): Principal | undefined {
    return this.#environment.find(({ principal }) => principal.id === id)?.principal;
  }

  /** Takes the same time whether it matches none, the first or the last. */
  #fromEnvironment(hash: Buffer): Principal | undefined {
    let found: Principal | undefined;
    for (const key of this.#environment) {
      if (timingSafeEqual(key.hash, hash) && found?.role !== 'admin') found = key.principal;
    }
    return found;
  }
}

export interface OpenKeysOptions {
  db: Kysely<Schema>;
  dataDir: string;
  apiKeys: readonly string[];
  adminApiKeys: readonly string[];
}

/** Any number, the same in every gateway: of two that start together, one makes the first admin key. */
const FIRST_KEY_LOCK = 4_207_849_485;

/**
 * Imports the key file of earlier versions, too.
 * @returns the keys; `created` when there was no admin key that works: the one made then, and the file (mode 0600) it
 * was written to.
 * @throws when `keys.json` exists and is not a key file.
 */
export async function openKeys(
  options: OpenKeysOptions,
): Promise<{ keys: Keys; created: { key: string; path: string } | undefined }> {
  const { db, dataDir } = options;
  const environment = [
    ...options.apiKeys.map((key) => environmentKey(key, 'user')),
    ...options.adminApiKeys.map((key) => environmentKey(key, 'admin')),
  ];
  const keys = new Keys(db, environment);
  await importKeyFile(db, dataDir);
  if (options.adminApiKeys.length > 0) return { keys, created: undefined };
  const created = await db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(FIRST_KEY_LOCK)})`.execute(transaction);
    const usable = await transaction
      .selectFrom('api_keys')
      .select('id')
      .where('admin', '=', true)
      .where('revoked_at', 'is', null)
      .where(sql<boolean>`coalesce(expires_at > now(), true)`)
      .limit(1)
      .executeTakeFirst();
    if (usable !== undefined) return undefined;
    const { secret, prefix, hash } = makeSecret();
    // First the file: a record whose secret nobody has would keep the next start from making another.
    const path = await writeInitialKey(dataDir, secret);
    await transaction
      .insertInto('api_keys')
      .values({ id: makeKeyId(), name: 'first admin key', prefix, hash, admin: true })
      .execute();
    return { key: secret, path };
  });
  return { keys, created };
}

function environmentKey(secret: string, role: Principal['role']): EnvironmentKey {
  const hash = hashOf(secret);
  const scopes = { admin: role === 'admin', tasks: null, models: null };
  return {
    principal: { id: `env_${hash.slice(0, 16)}`, role, scopes, limits: NO_LIMITS },
    hash: Buffer.from(hash, 'hex'),
  };
}
