import { open } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { diskFull } from '../../backend/src/audio/disk-full.ts';

// Linux's device on which every write fails with ENOSPC.
it('tells a full disk from other failures', async () => {
  await using full = await open('/dev/full', 'r+');
  const writing = full.write('x').catch((error) => diskFull(error, 'the stem'));
  await expect(writing).rejects.toMatchObject({
    code: 'insufficient_storage',
    message: expect.stringContaining('the stem'),
  });
  const other = Object.assign(new Error('read-only'), { code: 'EROFS' });
  expect(() => diskFull(other, 'the stem')).toThrow(other);
});
