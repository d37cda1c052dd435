import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { replaceFile, requireFreeBytes, writeFully } from '../../backend/src/hub/disk.ts';
import { tempDir } from '../support/temp-dir.ts';

// Linux's device on which every write fails with ENOSPC.
test.runIf(process.platform === 'linux')('a disk that is full while writing is insufficient_storage', async () => {
  await using full = await open('/dev/full', 'r+');
  await expect(writeFully(full, Buffer.alloc(10), 0)).rejects.toMatchObject({ code: 'insufficient_storage' });
});

test('the room asked for and the room to keep are both needed', async () => {
  const folder = await tempDir();
  await requireFreeBytes(folder, 1, 1);
  for (const [bytes, keep] of [
    [1e18, 0],
    [0, 1e18],
  ] as const) {
    await expect(requireFreeBytes(folder, bytes, keep)).rejects.toMatchObject({ code: 'insufficient_storage' });
  }
});

test('a file is replaced whole, whatever lay under the temporary name', async () => {
  const folder = await tempDir();
  const path = join(folder, 'ref');
  await writeFile(path, 'old content');
  await writeFile(join(folder, 'temporary'), 'left by a process that was killed');
  await replaceFile(path, join(folder, 'temporary'), 'new');
  expect(await readFile(path, 'utf8')).toBe('new');
  expect(await readdir(folder)).toEqual(['ref']);
});
