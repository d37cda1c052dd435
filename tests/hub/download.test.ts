import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { downloadSnapshot } from '../../backend/src/hub/download.ts';
import type { DownloadProgress } from '../../backend/src/hub/progress.ts';
import { findSnapshot } from '../../backend/src/hub/snapshot.ts';
import { FILES, gitSha1, hubFixture, noise, REPO, sha256 } from '../support/hub-fixture.ts';
import { describeWithShared, shared } from '../support/shared.ts';

const MODEL = FILES['onnx/model.onnx'];

test('what is on disk is what Python huggingface_hub would have put there', async () => {
  const { hub, cacheDir, options } = await hubFixture();
  const { commit, dir } = await downloadSnapshot(options());
  const repo = join(cacheDir, 'models--acme--voice');
  expect(commit).toBe(await hub.commitOf(REPO));
  expect(dir).toBe(join(repo, 'snapshots', commit));
  expect(await readdir(dir, { recursive: true })).toEqual(
    expect.arrayContaining(['onnx/model.onnx', 'config.json', 'empty.txt', 'a/b/vocab.txt']),
  );
  const links = {
    'onnx/model.onnx': `../../../blobs/${sha256(MODEL)}`,
    'config.json': `../../blobs/${gitSha1(FILES['config.json'])}`,
    'empty.txt': '../../blobs/e69de29bb2d1d6434b8b29ae775ad8c2e48c5391',
    'a/b/vocab.txt': `../../../../blobs/${gitSha1(FILES['a/b/vocab.txt'])}`,
  };
  for (const [file, target] of Object.entries(links)) expect(await readlink(join(dir, file))).toBe(target);
  for (const [file, content] of Object.entries(FILES)) {
    expect(await readFile(join(dir, file))).toEqual(Buffer.from(content));
  }
  expect((await readdir(join(repo, 'blobs'))).toSorted()).toEqual(
    Object.values(links)
      .map((link) => link.split('/').at(-1))
      .toSorted(),
  );
  expect(await readFile(join(repo, 'refs', 'main'), 'utf8')).toBe(commit);
  expect((await readdir(repo)).toSorted()).toEqual(['blobs', 'refs', 'snapshots']);
  expect((await readdir(cacheDir)).toSorted()).toEqual(['.locks', 'models--acme--voice']);
});

test('only the wanted files are fetched', async () => {
  const { hub, options } = await hubFixture();
  const { dir } = await downloadSnapshot(options({ files: ['config.json'] }));
  expect(await readdir(dir)).toEqual(['config.json']);
  expect(hub.requests.map((request) => request.file).filter(Boolean)).toEqual(['config.json']);
});

test('a second download fetches no file again; a further file is added to the same snapshot', async () => {
  const { hub, options } = await hubFixture();
  await downloadSnapshot(options({ files: ['onnx/model.onnx'] }));
  hub.requests.length = 0;
  await downloadSnapshot(options({ files: ['onnx/model.onnx', 'config.json'] }));
  expect(hub.requests.map((request) => request.file).filter(Boolean)).toEqual(['config.json']);
});

test('a pinned commit that is complete needs no network; its download writes no ref', async () => {
  const { hub, cacheDir, options } = await hubFixture();
  const revision = await hub.commitOf(REPO);
  const first = await downloadSnapshot(options({ revision }));
  expect(first.commit).toBe(revision);
  expect(await readdir(join(cacheDir, 'models--acme--voice'))).not.toContain('refs');
  hub.requests.length = 0;
  expect(await downloadSnapshot(options({ revision }))).toEqual(first);
  expect(hub.requests).toEqual([]);
});

test('offline, what was downloaded is found by the branch and by the commit', async () => {
  const { hub, cacheDir, options } = await hubFixture();
  const snapshot = await downloadSnapshot(options());
  await hub.close();
  expect(await findSnapshot(cacheDir, options())).toEqual(snapshot);
  expect(await findSnapshot(cacheDir, options({ revision: snapshot.commit }))).toEqual(snapshot);
});

test('tags and branches with a slash are revisions too, and share blobs', async () => {
  const { hub, cacheDir, options } = await hubFixture();
  await downloadSnapshot(options());
  const commit = await hub.moveRevision(REPO, 'refs/pr/1', { 'config.json': '{"pr": 1}' });
  hub.requests.length = 0;
  const snapshot = await downloadSnapshot(options({ revision: 'refs/pr/1' }));
  expect(snapshot.commit).toBe(commit);
  expect(await readFile(join(snapshot.dir, 'config.json'), 'utf8')).toBe('{"pr": 1}');
  expect(await readFile(join(cacheDir, 'models--acme--voice', 'refs', 'refs', 'pr', '1'), 'utf8')).toBe(commit);
  expect(hub.requests.map((request) => request.file).filter(Boolean)).toEqual(['config.json']);
});

test('a branch that moves during a download changes nothing about it; the next download follows', async () => {
  const { hub, options } = await hubFixture();
  const before = await hub.commitOf(REPO);
  const remove = hub.faults.add({ kind: 'slow', bytesPerSecond: 1_000_000 });
  const files = ['onnx/model.onnx', 'config.json'];
  const download = downloadSnapshot(options({ files }));
  await expect.poll(() => hub.requests.some((request) => request.origin === 'storage')).toBe(true);
  const changed = noise(1000, 'changed');
  const after = await hub.moveRevision(REPO, 'main', { 'config.json': '{"moved": true}', 'onnx/model.onnx': changed });
  remove();
  const first = await download;
  expect(first.commit).toBe(before);
  expect(await readFile(join(first.dir, 'onnx/model.onnx'))).toEqual(MODEL);
  expect(await readFile(join(first.dir, 'config.json'), 'utf8')).toBe(FILES['config.json']);
  const second = await downloadSnapshot(options({ files }));
  expect(second.commit).toBe(after);
  expect(await readFile(join(second.dir, 'onnx/model.onnx'))).toEqual(changed);
  // The old snapshot stays whole for whoever has it open.
  expect(await readFile(join(first.dir, 'onnx/model.onnx'))).toEqual(MODEL);
});

test('listings of several pages are read until all wanted files are found', async () => {
  const files = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`part-${index + 10}.txt`, `${index}`]));
  const { hub, options } = await hubFixture({ repos: { [REPO]: files }, pageSize: 4 });
  const pages = () => hub.requests.filter((request) => request.path.includes('/tree/')).length;
  const { dir } = await downloadSnapshot(options({ files: Object.keys(files) }));
  expect((await readdir(dir)).length).toBe(25);
  expect(pages()).toBe(7);
  hub.requests.length = 0;
  await downloadSnapshot(options({ files: ['part-10.txt'] }));
  expect(pages()).toBe(1);
});

test('progress counts all wanted files, at most four times a second, and ends with everything', async () => {
  const { hub, options } = await hubFixture();
  hub.faults.add({ kind: 'slow', bytesPerSecond: 300_000 }, { file: 'onnx/model.onnx' });
  const reports: (DownloadProgress & { at: number })[] = [];
  await downloadSnapshot(options({ onProgress: (progress) => reports.push({ ...progress, at: performance.now() }) }));
  const totalBytes = Object.values(FILES).reduce((total, content) => total + content.length, 0);
  expect(reports.length).toBeGreaterThanOrEqual(4);
  expect(reports.at(-1)).toMatchObject({ bytes: totalBytes, totalBytes });
  for (const [index, report] of reports.slice(1, -1).entries()) {
    expect(report.bytes).toBeGreaterThanOrEqual(reports[index]?.bytes ?? 0);
    expect(report.at - (reports[index]?.at ?? 0)).toBeGreaterThanOrEqual(249);
  }
});

test('two paths of the same content are one blob, fetched once', async () => {
  const content = noise(5000, 'same');
  const { hub, cacheDir, options } = await hubFixture({
    repos: { [REPO]: { 'a.onnx': content, 'b/c.onnx': content } },
  });
  const { dir } = await downloadSnapshot(options({ files: ['a.onnx', 'b/c.onnx', 'a.onnx'] }));
  expect(await readFile(join(dir, 'b/c.onnx'))).toEqual(content);
  expect(await readdir(join(cacheDir, 'models--acme--voice', 'blobs'))).toEqual([sha256(content)]);
  expect(hub.requests.filter((request) => request.origin === 'storage')).toHaveLength(1);
});

test('names with spaces and signs reach the hub as they are', async () => {
  const name = 'dir #1/ü 50%?.txt';
  const { options } = await hubFixture({ repos: { [REPO]: { [name]: 'x' } } });
  const { dir } = await downloadSnapshot(options({ files: [name] }));
  expect(await readFile(join(dir, name), 'utf8')).toBe('x');
});

test('a blob of the wrong size and a link to elsewhere are put right', async () => {
  const { hub, cacheDir, options } = await hubFixture();
  const commit = await hub.commitOf(REPO);
  const repo = join(cacheDir, 'models--acme--voice');
  await mkdir(join(repo, 'blobs'), { recursive: true });
  await mkdir(join(repo, 'snapshots', commit, 'onnx'), { recursive: true });
  await writeFile(join(repo, 'blobs', sha256(MODEL)), 'cut off');
  await symlink('/nowhere', join(repo, 'snapshots', commit, 'onnx', 'model.onnx'));
  const { dir } = await downloadSnapshot(options());
  expect((await lstat(join(dir, 'onnx/model.onnx'))).isSymbolicLink()).toBe(true);
  expect(await readFile(join(dir, 'onnx/model.onnx'))).toEqual(MODEL);
});

test('a disk without room refuses before anything is fetched; what is there already needs no room', async () => {
  const { hub, options } = await hubFixture();
  const minFreeBytes = Number.MAX_SAFE_INTEGER;
  await expect(downloadSnapshot(options({ minFreeBytes }))).rejects.toMatchObject({
    code: 'insufficient_storage',
    message: expect.stringMatching(/has \d+\.\d\d GB free; the download needs 0\.00 GB/),
  });
  expect(hub.requests.filter((request) => request.file !== undefined)).toEqual([]);
  const present = await downloadSnapshot(options());
  expect(await downloadSnapshot(options({ minFreeBytes }))).toEqual(present);
});

describeWithShared('the real files of the reference material', () => {
  test('arrive as they are', async () => {
    const { options } = await hubFixture({ root: shared('hub') });
    const files = ['onnx/model.onnx', 'LICENSE'];
    const { dir } = await downloadSnapshot(options({ repo: 'onnx-community/silero-vad', files }));
    for (const file of files) {
      const original = await readFile(shared('hub', 'onnx-community/silero-vad', file));
      expect(sha256(await readFile(join(dir, file)))).toBe(sha256(original));
    }
  });
});
