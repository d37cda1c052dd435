import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lock, tryLock } from '../../backend/src/file-lock.ts';
import { spawnScript } from '../support/spawn-script.ts';
import { tempDir } from '../support/temp-dir.ts';

test('a lock excludes a second holder in the same process until it is released', async () => {
  const path = join(await tempDir(), 'deep', 'one.lock');
  const first = tryLock(path);
  expect(first?.path).toBe(path);
  expect(tryLock(path)).toBeUndefined();
  first?.release();
  first?.release();
  using again = tryLock(path);
  expect(again).toBeDefined();
  expect(await readdir(join(path, '..'))).toEqual(['one.lock']);
});

test('leaving a block with `using` releases', async () => {
  const path = join(await tempDir(), 'one.lock');
  {
    using _ = await lock(path, { signal: AbortSignal.timeout(1000) });
    expect(tryLock(path)).toBeUndefined();
  }
  using after = tryLock(path);
  expect(after).toBeDefined();
});

test('a waiter gets the lock when it becomes free, and all waiters get it one at a time', async () => {
  const path = join(await tempDir(), 'one.lock');
  let inside = 0;
  let most = 0;
  const visit = async () => {
    using _ = await lock(path, { signal: AbortSignal.timeout(10_000), pollMs: 5 });
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 3));
    inside--;
  };
  await Promise.all(Array.from({ length: 8 }, visit));
  expect(most).toBe(1);
});

test('an abort ends the wait with its reason and takes nothing', async () => {
  const path = join(await tempDir(), 'one.lock');
  const first = tryLock(path);
  const controller = new AbortController();
  const waiting = lock(path, { signal: controller.signal, pollMs: 5 });
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(lock(path, { signal: controller.signal })).rejects.toThrow('enough');
  first?.release();
  using after = tryLock(path);
  expect(after).toBeDefined();
});

test('another process is excluded, and its death by SIGKILL frees the lock at once', async () => {
  const path = join(await tempDir(), 'one.lock');
  const holder = spawnScript('lock-child.ts', path);
  expect(await holder.nextLine()).toBe('locked');
  expect(tryLock(path)).toBeUndefined();
  holder.child.kill('SIGKILL');
  await holder.ended;
  using after = tryLock(path);
  expect(after).toBeDefined();
  const second = spawnScript('lock-child.ts', path);
  expect(await second.nextLine()).toBe('taken');
});

test('of several processes that try at the same moment exactly one gets it', async () => {
  const path = join(await tempDir(), 'one.lock');
  const scripts = Array.from({ length: 5 }, () => spawnScript('lock-child.ts', path));
  const lines = await Promise.all(scripts.map((script) => script.nextLine()));
  expect(lines.toSorted()).toEqual(['locked', 'taken', 'taken', 'taken', 'taken']);
});

test('a path that cannot be opened is an error, not a lock that seems taken', async () => {
  const folder = await tempDir();
  expect(() => tryLock(folder)).toThrow('unable to open');
  await expect(lock(folder, { signal: AbortSignal.timeout(1000) })).rejects.toThrow('unable to open');
  await writeFile(join(folder, 'file'), '');
  expect(() => tryLock(join(folder, 'file', 'one.lock'))).toThrow('EEXIST');
});
