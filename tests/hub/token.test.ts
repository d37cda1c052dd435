import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deleteToken, readToken, saveToken } from '../../backend/src/hub/token.ts';
import { tempDir } from '../support/temp-dir.ts';

test('the environment wins over the file, and neither means none', async () => {
  const cacheDir = join(await tempDir(), 'cache');
  expect(await readToken({ cacheDir })).toBeUndefined();
  await saveToken(cacheDir, ' hf_stored\n');
  expect(await readToken({ cacheDir })).toBe('hf_stored');
  expect(await readToken({ env: '', cacheDir })).toBe('hf_stored');
  expect(await readToken({ env: ' hf_env ', cacheDir })).toBe('hf_env');
});

test('the file is readable by its owner only, even when it replaces one that others could read', async () => {
  const cacheDir = await tempDir();
  const path = join(cacheDir, '.hf_token');
  await writeFile(path, 'hf_old');
  await chmod(path, 0o644);
  await saveToken(cacheDir, 'hf_new');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, 'utf8')).toBe('hf_new');
  expect(await readdir(cacheDir)).toEqual(['.hf_token']);
});

test('deleting removes the file and what a killed save left; deleting nothing is fine', async () => {
  const cacheDir = await tempDir();
  await saveToken(cacheDir, 'hf_new');
  await writeFile(join(cacheDir, '.hf_token.leftover'), 'hf_older');
  await deleteToken(cacheDir);
  expect(await readdir(cacheDir)).toEqual([]);
  await deleteToken(join(cacheDir, 'absent'));
});

test('a token that cannot be sent is refused without being quoted', async () => {
  const cacheDir = await tempDir();
  for (const bad of ['', 'hf_se cret', 'hf_secret\nx', 'hf_sécret']) {
    const refused = saveToken(cacheDir, bad);
    await expect(refused).rejects.toMatchObject({ code: 'invalid_value' });
    await expect(refused).rejects.not.toThrow(/secret|sécret/);
  }
  await expect(readToken({ env: 'a\nb', cacheDir })).rejects.toMatchObject({ code: 'invalid_value' });
  expect(await readdir(cacheDir)).toEqual([]);
});
