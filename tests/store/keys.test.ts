import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openKeys } from '../../backend/src/store/keys.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('keys', () => {
  it('tells users, admins and strangers apart', async () => {
    const { keys, created } = await openKeys({
      dataDir: await tempDir(),
      apiKeys: ['user-key'],
      adminApiKeys: ['admin-key'],
    });
    expect(created).toBeUndefined();
    expect(keys.identify('user-key')).toBe('user');
    expect(keys.identify('admin-key')).toBe('admin');
    expect(keys.identify('user-key ')).toBeUndefined();
    expect(keys.hasUserKeys).toBe(true);
  });

  it('makes an admin key on the first start, keeps its hash only, and knows it on the next', async () => {
    const dataDir = join(await tempDir(), 'data');
    const first = await openKeys({ dataDir, apiKeys: [], adminApiKeys: [] });
    const { key = '', path = '' } = first.created ?? {};
    expect(first.keys.identify(key)).toBe('admin');
    expect(first.keys.hasUserKeys).toBe(false);
    expect(await readFile(path, 'utf8')).toBe(`${key}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'keys.json'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(dataDir, 'keys.json'), 'utf8')).not.toContain(key);

    const second = await openKeys({ dataDir, apiKeys: [], adminApiKeys: [] });
    expect(second.created).toBeUndefined();
    expect(second.keys.identify(key)).toBe('admin');
  });

  it('does not start on a key file it cannot read', async () => {
    const dataDir = await tempDir();
    await writeFile(join(dataDir, 'keys.json'), '{"keys":1}');
    await expect(openKeys({ dataDir, apiKeys: [], adminApiKeys: [] })).rejects.toThrow(/not a key file/);
  });
});
