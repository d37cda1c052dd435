import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSecretBox, openSecretBox } from '../../backend/src/store/secret-box.ts';
import { tempDir } from '../support/temp-dir.ts';

const key = randomBytes(32);
const { seal, open } = createSecretBox(key);

describe('what was sealed', () => {
  it('opens with its key in its context', () => {
    expect(open(seal('whsec_ü', 'a'), 'a')).toBe('whsec_ü');
    expect(createSecretBox(key).open(seal('', 'a'), 'a')).toBe('');
    expect(seal('same', 'a')).not.toBe(seal('same', 'a'));
  });

  it('does not open in another context, or with one bit changed', () => {
    const sealed = seal('secret', 'a');
    expect(() => open(sealed, 'b')).toThrow();
    const [version = '', keyId = '', encoded = ''] = sealed.split('.');
    const bytes = Buffer.from(encoded, 'base64url');
    for (const index of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(() => open(`${version}.${keyId}.${changed.toString('base64url')}`, 'a'), `byte ${index}`).toThrow();
    }
  });

  it('by another key is known to be so', () => {
    expect(createSecretBox(randomBytes(32)).open(seal('secret', 'a'), 'a')).toBeUndefined();
  });
});

describe('the key file', () => {
  it('is made once, for its owner alone, also by two gateways at once', async () => {
    const dir = await tempDir();
    const path = join(dir, 'data', 'secrets.key');
    const [one, other] = await Promise.all([openSecretBox(path), openSecretBox(path)]);
    expect(other.open(one.seal('secret', 'a'), 'a')).toBe('secret');
    const later = await openSecretBox(path);
    expect(later.open(one.seal('secret', 'a'), 'a')).toBe('secret');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    expect(await readdir(join(dir, 'data'))).toEqual(['secrets.key']);
  });

  it.each(['', 'nonsense', Buffer.alloc(31).toString('base64')])(
    'that holds %j is refused, and stays',
    async (text) => {
      const path = join(await tempDir(), 'secrets.key');
      await writeFile(path, text);
      await expect(openSecretBox(path)).rejects.toThrow(/secrets\.key is not a key/);
      expect(await readFile(path, 'utf8')).toBe(text);
    },
  );
});
