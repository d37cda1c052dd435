import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { LocalArtifacts } from '../../backend/src/jobs/artifacts.ts';
import { tempDir } from '../support/temp-dir.ts';

it('a file that is deleted takes its folder with it when that was the last, and no file that comes meanwhile is lost', async () => {
  const root = await tempDir();
  const artifacts = new LocalArtifacts(root);
  await artifacts.put('jobs/one/a.json', 'a');
  await artifacts.put('jobs/one/b.json', 'b');
  await artifacts.delete('jobs/one/a.json');
  expect(await readdir(join(root, 'jobs'))).toEqual(['one']);
  await artifacts.delete('jobs/one/b.json');
  expect(await readdir(join(root, 'jobs'))).toEqual([]);

  await mkdir(join(root, 'spool'));
  const comeAndGo = async (worker: number) => {
    for (let i = 0; i < 60; i++) {
      const key = `inputs/tenant/${worker}-${i}`;
      if (i % 2 === 0) await artifacts.put(key, key);
      else {
        const path = join(root, 'spool', `${worker}-${i}`);
        await writeFile(path, key, { mode: 0o600 });
        await artifacts.putFile(key, path);
      }
      expect(await text(await artifacts.get(key))).toBe(key);
      expect((await stat(await artifacts.localPath(key))).mode & 0o777).toBe(0o600);
      await artifacts.delete(key);
    }
  };
  await Promise.all([1, 2, 3].map(comeAndGo));
  expect(await readdir(dirname(join(root, 'inputs/tenant')))).toEqual([]);
});
