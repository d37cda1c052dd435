/** What operators do to keys. Each change and its row in the audit log happen together or not at all. */
import type { Kysely, Transaction, Updateable } from 'kysely';
import { sql } from 'kysely';
import { changedFields } from '../contract/audit-changes.ts';
import type {
  ApiKey,
  ApiKeyWithSecret,
  CreateKeyRequest,
  RotateKeyRequest,
  UpdateKeyRequest,
} from '../contract/keys.ts';
import { GatewayError } from '../errors.ts';
import { appendAudit } from './audit.ts';
import { type KeyRow, type KeyTable, makeKeyId, makeSecret, toApiKey } from './key-rows.ts';
import type { Schema } from './schema.ts';

export class KeyRecords {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Oldest first, revoked ones included. */
  async list(): Promise<ApiKey[]> {
    const rows = await this.#db.selectFrom('api_keys').selectAll().orderBy('created_at').orderBy('id').execute();
    return rows.map(toApiKey);
  }

  async find(id: string): Promise<ApiKey | undefined> {
    const row = await this.#db.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
    return row && toApiKey(row);
  }

  /** Of those that have a record. */
  async names(ids: readonly string[]): Promise<Map<string, string>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#db.selectFrom('api_keys').select(['id', 'name']).where('id', 'in', ids).execute();
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  /** @param actor id of the principal who asks for it, here and below. */
  create(actor: string, { name, ...request }: CreateKeyRequest): Promise<ApiKeyWithSecret> {
    const { secret, prefix, hash } = makeSecret();
    return this.#db.transaction().execute(async (transaction) => {
      const row = await transaction
        .insertInto('api_keys')
        .values({ id: makeKeyId(), name, prefix, hash, admin: false, ...toColumns(request) })
        .returningAll()
        .executeTakeFirstOrThrow();
      await appendAudit(transaction, { actor, action: 'key.create', subject: row.id, result: 'success' });
      return { ...toApiKey(row), secret };
    });
  }

  /** @throws key_not_found, key_is_revoked */
  update(actor: string, id: string, { name, ...request }: UpdateKeyRequest): Promise<ApiKey> {
    const set = { ...(name === undefined ? {} : { name }), ...toColumns(request) };
    return this.#db
      .transaction()
      .execute((transaction) => change(transaction, { actor, action: 'key.update', id }, set));
  }

  /**
   * A new secret for the same record; the old one works for `overlap_seconds` more, one from before that no longer.
   * @throws key_not_found, key_is_revoked
   */
  rotate(actor: string, id: string, { overlap_seconds: overlap }: RotateKeyRequest): Promise<ApiKeyWithSecret> {
    const { secret, prefix, hash } = makeSecret();
    return this.#db.transaction().execute(async (transaction) => {
      const key = await change(
        transaction,
        { actor, action: 'key.rotate', id },
        {
          prefix,
          hash,
          previous_hash: sql`hash`,
          previous_expires_at: sql`now() + make_interval(secs => ${overlap})`,
          rotated_at: sql`now()`,
        },
      );
      return { ...key, secret };
    });
  }

  /** For good. A key that is revoked stays as it is. @throws key_not_found */
  revoke(actor: string, id: string): Promise<ApiKey> {
    return this.#db.transaction().execute(async (transaction) => {
      // Locked, or two at once would both be the first.
      const found = await transaction
        .selectFrom('api_keys')
        .selectAll()
        .where('id', '=', id)
        .forUpdate()
        .executeTakeFirst();
      if (found?.revoked_at != null) return toApiKey(found);
      return change(transaction, { actor, action: 'key.revoke', id }, { revoked_at: sql`now()` });
    });
  }
}

type Changes = Omit<UpdateKeyRequest, 'name'>;

function toColumns({ scopes, limits, expires_at, webhook_url }: Changes) {
  return {
    ...scopes,
    ...limits,
    ...(expires_at === undefined ? {} : { expires_at: expires_at === null ? null : new Date(expires_at * 1000) }),
    ...(webhook_url === undefined ? {} : { webhook_url }),
  };
}

interface Action {
  actor: string;
  action: string;
  id: string;
}

async function change(
  transaction: Transaction<Schema>,
  { actor, action, id }: Action,
  set: Updateable<KeyTable> | Record<string, unknown>,
): Promise<ApiKey> {
  const before = await transaction
    .selectFrom('api_keys')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  const row = await transaction
    .updateTable('api_keys')
    .set({ id, ...set })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw await refusal(transaction, id);
  const changes = changedFields(before && rightsOf(before), rightsOf(row));
  await appendAudit(transaction, { actor, action, subject: id, result: 'success', changes });
  return toApiKey(row);
}

/** What may stand in the audit log: a name says who somebody is, and an address may hold a secret. */
function rightsOf(row: KeyRow): Pick<ApiKey, 'scopes' | 'limits' | 'expires_at'> {
  const { scopes, limits, expires_at } = toApiKey(row);
  return { scopes, limits, expires_at };
}

async function refusal(transaction: Transaction<Schema>, id: string): Promise<GatewayError> {
  const found = await transaction.selectFrom('api_keys').select('id').where('id', '=', id).executeTakeFirst();
  return found === undefined
    ? new GatewayError('key_not_found', { message: 'There is no API key with this id.' })
    : new GatewayError('key_is_revoked', { message: 'This API key is revoked for good. Create a new one.' });
}
