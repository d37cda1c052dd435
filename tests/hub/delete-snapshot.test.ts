import { link, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tryLock } from '../../backend/src/file-lock.ts';
import { lockPath } from '../../backend/src/hub/cache-layout.ts';
import { type DeleteOptions, deleteSnapshot } from '../../backend/src/hub/delete-snapshot.ts';
import { downloadSnapshot } from '../../backend/src/hub/download.ts';
import { readInventory } from '../../backend/src/hub/inventory.ts';
import { findSnapshot } from '../../backend/src/hub/snapshot.ts';
import { FILES, type HubFixture, hubFixture, REPO, sha256 } from '../support/hub-fixture.ts';
import { tempDir } from '../support/temp-dir.ts';

const MODEL = 'onnx/model.onnx';
const ALL = Object.keys(FILES);
const ALL_BYTES = Object.values(FILES).reduce((sum, content) => sum + content.length, 0);

const remove = ({ cacheDir }: Pick<HubFixture, 'cacheDir'>, options: Partial<DeleteOptions> = {}) =>
  deleteSnapshot({
    cacheDir,
    repo: REPO,
    revision: 'main',
    files: ALL,
    keep: [],
    signal: new AbortController().signal,
    ...options,
  });

const folderOf = (cacheDir: string) => join(cacheDir, 'models--acme--voice');

test('nothing is left of a repository that nobody else needs, derived graphs and unfinished blobs included', async () => {
  const fixture = await hubFixture();
  const { cacheDir } = fixture;
  const { commit } = await downloadSnapshot(fixture.options());
  const derived = join(folderOf(cacheDir), 'derived', commit, 'loop');
  await mkdir(derived, { recursive: true });
  const blob = join(folderOf(cacheDir), 'blobs', sha256(FILES[MODEL]));
  await link(blob, join(derived, 'model.onnx'));
  await writeFile(join(derived, 'graph.onnx'), '12345');
  await writeFile(join(folderOf(cacheDir), 'blobs', `${'a'.repeat(64)}.partial`), '123');

  // The hard link and the blob are one file.
  expect(await remove(fixture)).toBe(ALL_BYTES + 5 + 3);
  expect((await readInventory(cacheDir)).repos).toEqual([]);
  expect(await readdir(cacheDir)).toEqual(['.locks']);
  expect(await remove(fixture)).toBe(0);
  await downloadSnapshot(fixture.options());
});

test('an absent cache is no error', async () => {
  expect(await remove({ cacheDir: join(await tempDir(), 'absent') })).toBe(0);
});

test('files that the model does not name stay, with their ref', async () => {
  const fixture = await hubFixture();
  const { commit, dir } = await downloadSnapshot(fixture.options());
  expect(await remove(fixture, { files: [MODEL] })).toBe(FILES[MODEL].length);
  expect(await findSnapshot(fixture.cacheDir, { repo: REPO, revision: 'main', files: [MODEL] })).toBeUndefined();
  const others = ALL.filter((file) => file !== MODEL);
  expect(await findSnapshot(fixture.cacheDir, { repo: REPO, revision: 'main', files: others })).toEqual({
    commit,
    dir,
  });
  expect(await readFile(join(dir, 'config.json'), 'utf8')).toBe(FILES['config.json']);
});

test('what another model needs stays, at its commit, and in every commit while it is being downloaded', async () => {
  const fixture = await hubFixture();
  const { commit } = await downloadSnapshot(fixture.options());
  const derived = join(folderOf(fixture.cacheDir), 'derived', commit);
  await mkdir(derived, { recursive: true });
  const query = { repo: REPO, revision: 'main', files: [MODEL] };
  for (const kept of [commit, undefined]) {
    await remove(fixture, { keep: [{ repo: REPO, commit: kept, files: [MODEL] }] });
    expect(await findSnapshot(fixture.cacheDir, query)).toMatchObject({ commit });
    expect((await stat(derived)).isDirectory()).toBe(true);
  }
  expect((await readInventory(fixture.cacheDir)).repos[0]).toMatchObject({ bytes: FILES[MODEL].length });
  await mkdir(join(folderOf(fixture.cacheDir), 'snapshots', commit, 'a', 'b'), { recursive: true });
  await remove(fixture, { files: ['a/b/vocab.txt'], keep: [{ repo: REPO, commit: undefined, files: [MODEL] }] });
  expect((await stat(join(folderOf(fixture.cacheDir), 'snapshots', commit, 'a', 'b'))).isDirectory()).toBe(true);
  const elsewhere = [
    { repo: 'acme/other', commit, files: [MODEL] },
    { repo: REPO, commit: 'c'.repeat(40), files: [MODEL] },
  ];
  expect(await remove(fixture, { keep: elsewhere })).toBe(FILES[MODEL].length);
});

test('a blob that the snapshot of another tag links stays; one of a moved branch goes', async () => {
  const fixture = await hubFixture();
  const { hub, cacheDir } = fixture;
  await downloadSnapshot(fixture.options());
  await hub.moveRevision(REPO, 'v2', { 'config.json': '{"v": 2}' });
  await downloadSnapshot(fixture.options({ revision: 'v2' }));
  await hub.moveRevision(REPO, 'main', { 'empty.txt': 'no more' });
  await downloadSnapshot(fixture.options());

  expect(await remove(fixture)).toBe(FILES['config.json'].length + 'no more'.length);
  const { repos } = await readInventory(cacheDir);
  expect(repos[0]?.revisions).toMatchObject([{ refs: ['v2'] }]);
  expect(await findSnapshot(cacheDir, { repo: REPO, revision: 'v2', files: ALL })).toBeDefined();
});

test('a blob that somebody downloads at this moment is left to them', async () => {
  const fixture = await hubFixture();
  const { cacheDir } = fixture;
  await downloadSnapshot(fixture.options());
  const partial = 'b'.repeat(64);
  await writeFile(join(folderOf(cacheDir), 'blobs', `${partial}.partial`), '123');
  using held = tryLock(lockPath(cacheDir, REPO, partial));
  expect(held).toBeDefined();
  expect(await remove(fixture)).toBe(ALL_BYTES);
  expect(await readdir(join(folderOf(cacheDir), 'blobs'))).toEqual([`${partial}.partial`]);
});

test('links lead nowhere: what they point at outside stays, and folders that are links are refused', async () => {
  const fixture = await hubFixture();
  const { cacheDir } = fixture;
  const outside = await tempDir();
  await writeFile(join(outside, 'model.onnx'), 'precious');
  const { dir, commit } = await downloadSnapshot(fixture.options({ files: ['config.json'] }));
  await symlink(join(outside, 'model.onnx'), join(dir, 'model.onnx'));
  expect(await remove(fixture, { files: ['model.onnx'] })).toBe(0);
  expect(await readdir(dir)).toEqual(['config.json']);
  await symlink('../../../../../etc/blobs/passwd', join(dir, 'model.onnx'));
  expect(await remove(fixture, { files: ['model.onnx'] })).toBe(0);

  await symlink(outside, join(dir, 'onnx'));
  const refused = remove(fixture, { files: [MODEL] });
  await expect(refused).rejects.toMatchObject({ code: 'model_files_elsewhere', status: 409 });
  await expect(refused).rejects.not.toThrow(outside);

  await mkdir(join(folderOf(cacheDir), 'derived'), { recursive: true });
  await symlink(outside, join(folderOf(cacheDir), 'derived', commit));
  await expect(remove(fixture, { files: ['config.json'] })).rejects.toMatchObject({ code: 'model_files_elsewhere' });

  await rename(folderOf(cacheDir), join(outside, 'moved'));
  await symlink(join(outside, 'moved'), folderOf(cacheDir));
  await expect(remove(fixture)).rejects.toMatchObject({ code: 'model_files_elsewhere' });
  expect(await readFile(join(outside, 'model.onnx'), 'utf8')).toBe('precious');
});

test('a cache folder that is itself reached through a link is the cache', async () => {
  const fixture = await hubFixture();
  await downloadSnapshot(fixture.options());
  const other = join(await tempDir(), 'linked');
  await symlink(fixture.cacheDir, other);
  expect(await remove({ cacheDir: other })).toBe(ALL_BYTES);
});

test.each([{ repo: '../etc' }, { revision: '../..' }, { files: ['../config.json'] }])(
  '%j is no name',
  async (names) => {
    await expect(remove(await hubFixture(), names)).rejects.toMatchObject({ code: 'invalid_value' });
  },
);
