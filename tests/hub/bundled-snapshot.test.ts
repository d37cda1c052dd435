/** Models that ship with the gateway, in a cache as if they had been downloaded. */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createBundledModels } from '../../backend/src/hub/bundled-snapshot.ts';
import { deleteSnapshot } from '../../backend/src/hub/delete-snapshot.ts';
import { findSnapshot } from '../../backend/src/hub/snapshot.ts';
import { tempDir } from '../support/temp-dir.ts';

const REPO = 'starter/voice';
const files = ['config.json', 'onnx/model.onnx'];
const wanted = { repo: REPO, revision: 'main', files };

async function shipped(weights = 'weights') {
  const root = await tempDir();
  const folder = join(root, REPO);
  await mkdir(join(folder, 'onnx'), { recursive: true });
  await mkdir(join(folder, 'training'));
  await writeFile(join(folder, 'config.json'), '{}');
  await writeFile(join(folder, 'onnx', 'model.onnx'), weights);
  await writeFile(join(folder, 'training', 'train.py'), 'pass');
  return root;
}

test('is found in the cache, as one that was downloaded is, without what it was trained with', async () => {
  const cacheDir = await tempDir();
  const models = createBundledModels({ root: await shipped(), cacheDir });
  const found = await models.find(wanted);
  expect(found).toEqual(await findSnapshot(cacheDir, wanted));
  expect(found?.commit).toMatch(/^[0-9a-f]{40}$/);
  expect(await readFile(join(found?.dir ?? '', 'onnx', 'model.onnx'), 'utf8')).toBe('weights');
  expect((await readdir(found?.dir ?? '', { recursive: true })).sort()).toEqual([
    'config.json',
    'onnx',
    'onnx/model.onnx',
  ]);
  const blobs = join(cacheDir, 'models--starter--voice', 'blobs');
  expect((await readdir(blobs)).map((name) => name.length)).toEqual([64, 64]);

  const { mtimeMs } = await stat(blobs);
  expect(await models.find({ ...wanted, files: ['config.json'] })).toEqual(found);
  expect((await stat(blobs)).mtimeMs).toBe(mtimeMs);
});

test('is put there again after somebody deleted it, once for all who ask', async () => {
  const cacheDir = await tempDir();
  const models = createBundledModels({ root: await shipped(), cacheDir });
  const first = await models.find(wanted);
  await deleteSnapshot({ ...wanted, cacheDir, keep: [], signal: AbortSignal.timeout(5_000) });
  expect(await findSnapshot(cacheDir, wanted)).toBeUndefined();
  expect(await Promise.all([models.find(wanted), models.find(wanted)])).toEqual([first, first]);
});

test('is another commit in a version of the gateway that ships other weights', async () => {
  const cacheDir = await tempDir();
  const before = await createBundledModels({ root: await shipped(), cacheDir }).find(wanted);
  const after = await createBundledModels({ root: await shipped('better weights'), cacheDir }).find(wanted);
  expect(after?.commit).not.toBe(before?.commit);
  expect(await readFile(join(after?.dir ?? '', 'onnx', 'model.onnx'), 'utf8')).toBe('better weights');
  expect(await findSnapshot(cacheDir, wanted)).toEqual(after);
});

test('is not there where the installation lacks its folder or one of the files', async () => {
  const root = await shipped();
  const cacheDir = await tempDir();
  const models = createBundledModels({ root, cacheDir });
  expect(await models.find({ ...wanted, repo: 'starter/other' })).toBeUndefined();
  expect(await models.find({ ...wanted, files: [...files, 'training/train.py'] })).toBeUndefined();
  expect(await readdir(cacheDir)).toEqual([]);
});

test('a half-written copy of an earlier start is not taken for the file', async () => {
  const root = await shipped();
  const cacheDir = await tempDir();
  const first = await createBundledModels({ root, cacheDir }).find(wanted);
  const blobs = join(cacheDir, 'models--starter--voice', 'blobs');
  for (const name of await readdir(blobs)) await writeFile(join(blobs, name), '');
  await rm(join(first?.dir ?? '', 'config.json'));
  await createBundledModels({ root, cacheDir }).find(wanted);
  expect(await readFile(join(first?.dir ?? '', 'onnx', 'model.onnx'), 'utf8')).toBe('weights');
});
