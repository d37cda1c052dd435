/**
 * Who a key belongs to. Keys come from the environment, and one admin key may come from the first start; only SHA-256
 * hashes are kept, in memory and in `DATA_DIR/keys.json`.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

export type KeyRole = 'user' | 'admin';

const keyFile = z.object({ keys: z.array(z.object({ role: z.enum(['user', 'admin']), sha256: z.string() })) });

interface StoredKey {
  role: KeyRole;
  hash: Buffer;
}

export class Keys {
  readonly #keys: readonly StoredKey[];

  constructor(keys: readonly StoredKey[]) {
    this.#keys = keys;
  }

  /** Whether any key opens `/v1` for users; without one the server may answer anonymously on loopback. */
  get hasUserKeys(): boolean {
    return this.#keys.some(({ role }) => role === 'user');
  }

  /** The key's role; takes the same time whether it matches none, the first or the last. */
  identify(presented: string): KeyRole | undefined {
    const hash = sha256(presented);
    let role: KeyRole | undefined;
    for (const key of this.#keys) {
      if (timingSafeEqual(key.hash, hash) && role !== 'admin') role = key.role;
    }
    return role;
  }
}

export interface OpenKeysOptions {
  dataDir: string;
  apiKeys: readonly string[];
  adminApiKeys: readonly string[];
}

/**
 * @returns the keys; `created` when this is the first start without an admin key: the key made then, and the file (mode
 * 0600) it was written to.
 * @throws when `keys.json` exists and is not a key file.
 */
export async function openKeys(
  options: OpenKeysOptions,
): Promise<{ keys: Keys; created: { key: string; path: string } | undefined }> {
  const fromEnvironment: StoredKey[] = [
    ...options.apiKeys.map((key) => ({ role: 'user' as const, hash: sha256(key) })),
    ...options.adminApiKeys.map((key) => ({ role: 'admin' as const, hash: sha256(key) })),
  ];
  const path = join(options.dataDir, 'keys.json');
  const stored = await readStored(path);
  const known = [...fromEnvironment, ...stored];
  if (known.some(({ role }) => role === 'admin')) return { keys: new Keys(known), created: undefined };

  const key = `agw-admin-${randomBytes(24).toString('base64url')}`;
  const initial: StoredKey = { role: 'admin', hash: sha256(key) };
  await mkdir(options.dataDir, { recursive: true });
  const keyPath = join(options.dataDir, 'initial-admin-key');
  await writePrivate(keyPath, `${key}\n`);
  const contents = { keys: [...stored, initial].map(({ role, hash }) => ({ role, sha256: hash.toString('hex') })) };
  await writePrivate(path, `${JSON.stringify(contents, null, 2)}\n`);
  return { keys: new Keys([...known, initial]), created: { key, path: keyPath } };
}

async function readStored(path: string): Promise<StoredKey[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return [];
  const parsed = keyFile.safeParse(parseJson(text));
  if (!parsed.success) throw new Error(`${path} is not a key file; move it away to start with a new admin key`);
  return parsed.data.keys.map(({ role, sha256: hex }) => ({ role, hash: Buffer.from(hex, 'hex') }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function writePrivate(path: string, contents: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await writeFile(temporary, contents, { mode: 0o600 });
  // `mode` is ignored for a file that is there already.
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
