/** The two key files in DATA_DIR: the first admin key, and the `keys.json` of versions before the database. */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { z } from 'zod';
import { makeKeyId } from './key-rows.ts';
import type { Schema } from './schema.ts';

const keyFile = z.object({
  keys: z.array(z.object({ role: z.enum(['user', 'admin']), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});

/** Makes records of the keys in `keys.json`, once; the file is `keys.json.imported` then. @throws when it is no key file. */
export async function importKeyFile(db: Kysely<Schema>, dataDir: string): Promise<void> {
  const path = join(dataDir, 'keys.json');
  const text = await readFile(path, 'utf8').catch(unlessMissing);
  if (text === undefined) return;
  const parsed = keyFile.safeParse(parseJson(text));
  if (!parsed.success) throw new Error(`${path} is not a key file; move it away to start with a new admin key`);
  const rows = parsed.data.keys.map(({ role, sha256 }) => ({
    id: makeKeyId(),
    name: 'from keys.json',
    hash: sha256,
    admin: role === 'admin',
  }));
  if (rows.length > 0) {
    // A start that was killed before the file had its new name comes here again.
    await db
      .insertInto('api_keys')
      .values(rows)
      .onConflict((conflict) => conflict.column('hash').doNothing())
      .execute();
  }
  await rename(path, `${path}.imported`).catch(unlessMissing);
}

/** @returns the file's path. */
export async function writeInitialKey(dataDir: string, secret: string): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, 'initial-admin-key');
  const temporary = `${path}.tmp`;
  await writeFile(temporary, `${secret}\n`, { mode: 0o600 });
  // `mode` is ignored for a file that is there already.
  await chmod(temporary, 0o600);
  await rename(temporary, path);
  return path;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
