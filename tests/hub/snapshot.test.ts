import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findSnapshot } from '../../backend/src/hub/snapshot.ts';
import { tempDir } from '../support/temp-dir.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const OTHER = 'f'.repeat(40);

/** A cache as Python's huggingface_hub leaves it. */
async function pythonCache(): Promise<{ cacheDir: string; repo: string }> {
  const cacheDir = await tempDir();
  const repo = join(cacheDir, 'models--acme--voice');
  const snapshot = join(repo, 'snapshots', COMMIT);
  await mkdir(join(repo, 'blobs'), { recursive: true });
  await mkdir(join(repo, 'refs'), { recursive: true });
  await mkdir(join(snapshot, 'onnx'), { recursive: true });
  await writeFile(join(repo, 'blobs', 'aaaa'), 'model');
  await writeFile(join(repo, 'blobs', 'bbbb'), '{}');
  await symlink('../../../blobs/aaaa', join(snapshot, 'onnx', 'model.onnx'));
  await symlink('../../blobs/bbbb', join(snapshot, 'config.json'));
  await writeFile(join(repo, 'refs', 'main'), COMMIT);
  return { cacheDir, repo };
}

const files = ['onnx/model.onnx', 'config.json'];
const wanted = (revision: string) => ({ repo: 'acme/voice', revision, files });

test('a cache filled by Python is used as it is, by branch and by commit', async () => {
  const { cacheDir, repo } = await pythonCache();
  const found = { commit: COMMIT, dir: join(repo, 'snapshots', COMMIT) };
  expect(await findSnapshot(cacheDir, wanted('main'))).toEqual(found);
  expect(await findSnapshot(cacheDir, wanted(COMMIT))).toEqual(found);
});

test('a folder instead of a symlink cache (Windows, copies) counts too', async () => {
  const { cacheDir, repo } = await pythonCache();
  const path = join(repo, 'snapshots', COMMIT, 'config.json');
  await rm(path);
  await writeFile(path, '{}');
  expect(await findSnapshot(cacheDir, wanted('main'))).toBeDefined();
});

test('one missing file, blob, ref or repository means no snapshot', async () => {
  const { cacheDir, repo } = await pythonCache();
  const absent = [
    wanted('v1'),
    wanted(OTHER),
    { ...wanted('main'), files: [...files, 'vocab.txt'] },
    { ...wanted('main'), files: ['onnx'] },
    { ...wanted('main'), files: ['config.json/x'] },
    { ...wanted('main'), repo: 'acme/other' },
  ];
  for (const query of absent) expect(await findSnapshot(cacheDir, query)).toBeUndefined();
  await rm(join(repo, 'blobs', 'aaaa'));
  expect(await findSnapshot(cacheDir, wanted('main'))).toBeUndefined();
  expect(await findSnapshot(join(cacheDir, 'absent'), wanted('main'))).toBeUndefined();
});

test('a ref that holds no commit is not followed', async () => {
  const { cacheDir, repo } = await pythonCache();
  await writeFile(join(repo, 'refs', 'main'), '../../elsewhere');
  expect(await findSnapshot(cacheDir, wanted('main'))).toBeUndefined();
});
