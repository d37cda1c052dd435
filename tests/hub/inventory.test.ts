import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { downloadSnapshot } from '../../backend/src/hub/download.ts';
import { readInventory } from '../../backend/src/hub/inventory.ts';
import { FILES, hubFixture, REPO } from '../support/hub-fixture.ts';

const MODEL_BYTES = FILES['onnx/model.onnx'].length;

test('an absent cache is empty', async () => {
  const { cacheDir } = await hubFixture();
  expect(await readInventory(cacheDir)).toEqual({ bytes: 0, repos: [] });
});

test('repositories, their revisions with refs and files, and bytes with shared blobs counted once', async () => {
  const { hub, cacheDir, options } = await hubFixture();
  const files = ['onnx/model.onnx', 'config.json'];
  const first = await downloadSnapshot(options({ files }));
  const second = await hub.moveRevision(REPO, 'v2', { 'config.json': '{"v": 2}' });
  await downloadSnapshot(options({ files, revision: 'v2' }));
  const configBytes = FILES['config.json'].length;

  const { bytes, repos } = await readInventory(cacheDir);
  expect(bytes).toBe(MODEL_BYTES + configBytes + 8);
  expect(repos).toHaveLength(1);
  expect(repos[0]).toMatchObject({ repo: REPO, bytes, partialBytes: 0 });
  const byCommit = new Map(repos[0]?.revisions.map((revision) => [revision.commit, revision]));
  expect(byCommit.get(first.commit)).toEqual({
    commit: first.commit,
    refs: ['main'],
    bytes: MODEL_BYTES + configBytes,
    files: [
      { path: 'config.json', bytes: configBytes },
      { path: 'onnx/model.onnx', bytes: MODEL_BYTES },
    ],
  });
  expect(byCommit.get(second)).toMatchObject({ refs: ['v2'], bytes: MODEL_BYTES + 8 });
});

test('unfinished blobs are counted apart; strange things are passed over', async () => {
  const { cacheDir } = await hubFixture();
  const repo = join(cacheDir, 'models--acme--voice');
  await mkdir(join(repo, 'blobs'), { recursive: true });
  await mkdir(join(repo, 'snapshots', 'not-a-commit'), { recursive: true });
  await mkdir(join(repo, 'snapshots', 'c'.repeat(40)), { recursive: true });
  await mkdir(join(cacheDir, 'datasets--acme--clips'), { recursive: true });
  await mkdir(join(cacheDir, 'models--..--..'), { recursive: true });
  await writeFile(join(cacheDir, '.hf_token'), 'hf_x');
  await writeFile(join(cacheDir, 'models--acme--file'), 'not a folder');
  await writeFile(join(repo, 'blobs', 'aa.partial'), '12345');
  await writeFile(join(repo, 'blobs', 'bb.incomplete'), '123');
  await writeFile(join(repo, 'blobs', 'cc'), '1');
  await symlink('../../blobs/gone', join(repo, 'snapshots', 'c'.repeat(40), 'dangling'));

  const { bytes, repos } = await readInventory(cacheDir);
  expect(bytes).toBe(9);
  expect(repos).toContainEqual({
    repo: REPO,
    bytes: 9,
    partialBytes: 8,
    revisions: [{ commit: 'c'.repeat(40), refs: [], bytes: 0, files: [] }],
  });
});
