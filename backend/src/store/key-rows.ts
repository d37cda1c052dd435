/** A key's record in the database, its secret's hash, and how callers and operators see it. */
import { createHash, randomBytes } from 'node:crypto';
import type { Generated, Kysely, Selectable } from 'kysely';
import type { ApiKey, KeyTask, Principal } from '../contract/keys.ts';
import type { Schema } from './schema.ts';

export interface KeyTable {
  /** Opaque; what jobs, usage and the audit log know the key by. */
  id: string;
  name: string;
  /** The secret's first characters; null for keys that were hashed before prefixes were kept. */
  prefix: string | null;
  /** SHA-256 of the secret, hexadecimal. */
  hash: string;
  /** The secret's from before the last rotation: valid until `previous_expires_at`, then only recognised. */
  previous_hash: string | null;
  previous_expires_at: Date | null;
  admin: boolean;
  /** null: all of them; the same goes for `models`. */
  tasks: KeyTask[] | null;
  models: string[] | null;
  requests_per_minute: number | null;
  concurrent_jobs: number | null;
  audio_seconds_per_day: number | null;
  audio_seconds_per_month: number | null;
  webhook_url: string | null;
  created_at: Generated<Date>;
  expires_at: Date | null;
  rotated_at: Date | null;
  revoked_at: Date | null;
  /** Grows with every change of the row; the database sees to it. */
  rev: Generated<number>;
}

export type KeyRow = Selectable<KeyTable>;

const SECRET_BYTES = 32;
/** 48 of its 256 bits: enough for people to tell keys apart. */
const PREFIX_LENGTH = 12;

/** A new secret and what is kept of it. */
export function makeSecret(): { secret: string; prefix: string; hash: string } {
  const secret = `agw-${randomBytes(SECRET_BYTES).toString('base64url')}`;
  return { secret, prefix: secret.slice(0, PREFIX_LENGTH), hash: hashOf(secret) };
}

export function makeKeyId(): string {
  return `key_${randomBytes(12).toString('hex')}`;
}

/** Secrets are random, so one round of SHA-256 is enough: there is nothing to guess. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export function toPrincipal(row: KeyRow): Principal {
  return { id: row.id, role: row.admin ? 'admin' : 'user', scopes: scopesOf(row), limits: limitsOf(row) };
}

export function toApiKey(row: KeyRow): ApiKey {
  return {
    id: row.id,
    object: 'api_key',
    rev: row.rev,
    name: row.name,
    prefix: row.prefix,
    scopes: scopesOf(row),
    limits: limitsOf(row),
    webhook_url: row.webhook_url,
    created_at: unixSeconds(row.created_at),
    expires_at: row.expires_at && unixSeconds(row.expires_at),
    rotated_at: row.rotated_at && unixSeconds(row.rotated_at),
    previous_secret_expires_at: row.previous_expires_at && unixSeconds(row.previous_expires_at),
    revoked_at: row.revoked_at && unixSeconds(row.revoked_at),
  };
}

function scopesOf({ admin, tasks, models }: KeyRow): Principal['scopes'] {
  return { admin, tasks, models };
}

export function limitsOf(row: Pick<KeyRow, keyof Principal['limits']>): Principal['limits'] {
  return {
    requests_per_minute: row.requests_per_minute,
    concurrent_jobs: row.concurrent_jobs,
    audio_seconds_per_day: row.audio_seconds_per_day,
    audio_seconds_per_month: row.audio_seconds_per_month,
  };
}

function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

/** Where the key's jobs are announced; undefined for keys without a record, or without an address. */
export async function webhookUrlOf(db: Kysely<Schema>, id: string): Promise<string | undefined> {
  const row = await db.selectFrom('api_keys').select('webhook_url').where('id', '=', id).executeTakeFirst();
  return row?.webhook_url ?? undefined;
}
