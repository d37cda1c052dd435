/** The hub's access token: from the environment, or kept in the cache folder by the operator's request. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError } from '../errors.ts';
import { ignoreMissing } from './ignore-missing.ts';

const FILE_NAME = '.hf_token';

/**
 * The token to use, if any: `env` wins, then the file. Throws `invalid_value`, without quoting it, for one that could
 * not be sent in a header.
 */
export async function readToken(source: { env?: string | undefined; cacheDir: string }): Promise<string | undefined> {
  const stored = source.env?.trim() || (await readStored(source.cacheDir));
  return stored ? checkToken(stored) : undefined;
}

/** Replaces the stored token in one step. Only this user can read the file, whatever mode an older one had. */
export async function saveToken(cacheDir: string, token: string): Promise<void> {
  const checked = checkToken(token.trim());
  await mkdir(cacheDir, { recursive: true });
  const temporary = join(cacheDir, `${FILE_NAME}.${randomUUID()}`);
  try {
    await using file = await open(temporary, 'wx', 0o600);
    await file.writeFile(checked);
    await file.sync();
    await rename(temporary, join(cacheDir, FILE_NAME));
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Removes the stored token, and what a save that was killed may have left of one. */
export async function deleteToken(cacheDir: string): Promise<void> {
  const names = (await readdir(cacheDir).catch(ignoreMissing)) ?? [];
  const ours = names.filter((name) => name === FILE_NAME || name.startsWith(`${FILE_NAME}.`));
  await Promise.all(ours.map((name) => rm(join(cacheDir, name), { force: true })));
}

/** Returns the token. A control character in it would make the HTTP client quote it in its own error. */
export function checkToken(token: string): string {
  if (/^[\x21-\x7e]{1,1000}$/.test(token)) return token;
  throw new GatewayError('invalid_value', {
    message: 'The hub token is empty or contains characters no token has. Copy it again from your hub settings.',
    param: 'token',
  });
}

async function readStored(cacheDir: string): Promise<string | undefined> {
  const text = await readFile(join(cacheDir, FILE_NAME), 'utf8').catch(ignoreMissing);
  return text?.trim();
}
