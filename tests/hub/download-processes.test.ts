/** Several real processes on one cache: together, and killed. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { downloadSnapshot } from '../../backend/src/hub/download.ts';
import { findSnapshot } from '../../backend/src/hub/snapshot.ts';
import { FAST_RETRY, hubFixture, noise, REPO } from '../support/hub-fixture.ts';
import { spawnScript } from '../support/spawn-script.ts';

const KILLS = 20;
const REPOSITORY = {
  'onnx/encoder.onnx': noise(1_500_000, 'encoder'),
  'onnx/decoder.onnx': noise(1_000_000, 'decoder'),
  'tokenizer.json': noise(300_000, 'tokenizer'),
  'config.json': '{}\n',
};
const FILES = Object.keys(REPOSITORY);
const TOTAL_BYTES = Object.values(REPOSITORY).reduce((total, content) => total + content.length, 0);

function childOptions(endpoint: string, cacheDir: string): string {
  return JSON.stringify({ endpoint, cacheDir, repo: REPO, revision: 'main', files: FILES, retry: FAST_RETRY });
}

test('two processes download the same repository at the same time: every byte is fetched once in sum', async () => {
  const { hub, cacheDir } = await hubFixture({ repos: { [REPO]: REPOSITORY } });
  hub.faults.add({ kind: 'slow', bytesPerSecond: 2_000_000 });
  const scripts = [1, 2].map(() => spawnScript('download-child.ts', childOptions(hub.url, cacheDir)));
  const outputs = await Promise.all(
    scripts.map(async (script) => {
      const lines: string[] = [];
      for (let line = await script.nextLine(); line !== undefined; line = await script.nextLine()) lines.push(line);
      return JSON.parse(lines.at(-1) ?? '{}');
    }),
  );
  const snapshot = await findSnapshot(cacheDir, { repo: REPO, revision: 'main', files: FILES });
  expect(outputs).toEqual([{ snapshot }, { snapshot }]);
  const listings = hub.requests.filter((request) => request.path.includes('/tree/'));
  expect(listings).toHaveLength(2);
  for (const [file, content] of Object.entries(REPOSITORY)) {
    const served = hub.requests.filter((request) => request.file === file).map((request) => request.bytes);
    expect(served.reduce((total, bytes) => total + bytes, 0)).toBe(content.length);
  }
});

test(`killed ${KILLS} times in the middle, it never shows a wrong byte, and ends by continuing`, async () => {
  const { hub, cacheDir, options } = await hubFixture({ repos: { [REPO]: REPOSITORY } });
  const remove = hub.faults.add({ kind: 'slow', bytesPerSecond: 400_000 });
  const random = seededRandom(20_260_101);
  let interrupted = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const script = spawnScript('download-child.ts', childOptions(hub.url, cacheDir));
    // Its first line: the download is under way.
    await script.nextLine();
    await sleep(random() * 200);
    script.child.kill('SIGKILL');
    await script.ended;
    if (script.child.signalCode === 'SIGKILL') interrupted++;
    await expectNothingWrong(cacheDir);
  }
  expect(interrupted).toBe(KILLS);
  expect(await findSnapshot(cacheDir, options({ files: FILES }))).toBeUndefined();

  remove();
  const { dir } = await downloadSnapshot(options({ files: FILES }));
  for (const [file, content] of Object.entries(REPOSITORY)) {
    expect((await readFile(join(dir, file))).equals(Buffer.from(content))).toBe(true);
  }
  await expectNothingWrong(cacheDir);
  const bodies = hub.requests.filter((request) => request.bytes > 0);
  expect(bodies.filter((request) => request.range !== undefined).length).toBeGreaterThan(KILLS / 2);
  const served = bodies.reduce((total, request) => total + request.bytes, 0);
  expect(served).toBeGreaterThanOrEqual(TOTAL_BYTES);
  expect(served).toBeLessThan(TOTAL_BYTES * 3);
});

/** Every blob has the hash it is named after, every link of a snapshot leads to a blob, a ref to a whole snapshot. */
async function expectNothingWrong(cacheDir: string): Promise<void> {
  const repo = join(cacheDir, 'models--acme--voice');
  const blobs = await readdir(join(repo, 'blobs')).catch(() => []);
  for (const name of blobs.filter((blob) => !blob.endsWith('.partial'))) {
    const content = await readFile(join(repo, 'blobs', name));
    const hash = name.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${content.length}\0`);
    expect(hash.update(content).digest('hex')).toBe(name);
  }
  const entries = await readdir(join(repo, 'snapshots'), { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries.filter((one) => one.isSymbolicLink())) {
    expect((await stat(join(entry.parentPath, entry.name))).isFile()).toBe(true);
  }
  const ref = await readFile(join(repo, 'refs', 'main'), 'utf8').catch(() => undefined);
  const query = { repo: REPO, revision: 'main', files: FILES };
  if (ref !== undefined) expect(await findSnapshot(cacheDir, query)).toMatchObject({ commit: ref });
}

/** Mulberry32, so that a failure can be repeated. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
