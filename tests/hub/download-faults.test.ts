import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type DownloadOptions, downloadSnapshot } from '../../backend/src/hub/download.ts';
import { FAST_RETRY, FILES, type HubFixture, hubFixture, REPO, sha256 } from '../support/hub-fixture.ts';

const FILE = 'onnx/model.onnx';
const MODEL = FILES[FILE];
const SIZE = MODEL.length;

interface ModelDownload extends HubFixture {
  run(overrides?: Partial<DownloadOptions>): Promise<void>;
  /** Of the requests for the model's bytes. */
  ranges(): (string | undefined)[];
  partial: string;
}

/** `run` downloads the model file and checks that it arrived whole. */
async function modelDownload(): Promise<ModelDownload> {
  const fixture = await hubFixture();
  const partial = join(fixture.cacheDir, 'models--acme--voice', 'blobs', `${sha256(MODEL)}.partial`);
  return {
    ...fixture,
    partial,
    ranges: () =>
      fixture.hub.requests.filter((request) => request.origin === 'storage').map((request) => request.range),
    async run(overrides) {
      const { dir } = await downloadSnapshot(fixture.options({ files: [FILE], ...overrides }));
      expect(sha256(await readFile(join(dir, FILE)))).toBe(sha256(MODEL));
      expect(await stat(partial).catch(() => 'gone')).toBe('gone');
    },
  };
}

/** Puts the beginning of the file where an interrupted download would have left it. */
async function leavePartial(partial: string, bytes: Uint8Array): Promise<void> {
  await mkdir(join(partial, '..'), { recursive: true });
  await writeFile(partial, bytes);
}

test('a cut connection is continued from where it broke, more often than the limit of failures in a row', async () => {
  const { hub, run, ranges } = await modelDownload();
  const cuts = [20_000, 90_000, 130_000, 170_000, 210_000, 250_000];
  for (const at of cuts) hub.faults.add({ kind: 'cut', at }, { times: 1 });
  await run();
  expect(ranges()).toHaveLength(cuts.length + 1);
  expect(ranges()[0]).toBeUndefined();
  expect(
    ranges()
      .slice(1)
      .every((range) => /^bytes=\d+-$/.test(range ?? '')),
  ).toBe(true);
  const served = hub.requests.reduce((total, request) => total + request.bytes, 0);
  expect(served).toBeLessThan(SIZE * 1.5);
});

test('a body that ends early without saying so is continued too', async () => {
  const { hub, run, ranges } = await modelDownload();
  hub.faults.add({ kind: 'cut', at: 100_000, clean: true }, { times: 1 });
  await run();
  expect(ranges()).toEqual([undefined, 'bytes=100000-']);
});

test('a partial file of an earlier run is hashed and continued', async () => {
  const { run, ranges, partial } = await modelDownload();
  await leavePartial(partial, MODEL.subarray(0, 123_456));
  await run();
  expect(ranges()).toEqual(['bytes=123456-']);
});

test('a partial file that is complete needs no request', async () => {
  const { run, ranges, partial } = await modelDownload();
  await leavePartial(partial, MODEL);
  await run();
  expect(ranges()).toEqual([]);
});

test.each([
  ['wrong bytes', Buffer.alloc(1000), 'bytes=1000-'],
  ['too many bytes', Buffer.alloc(SIZE + 1), undefined],
])('a partial file of %s is thrown away', async (_, bytes, firstRange) => {
  const { run, ranges, partial } = await modelDownload();
  await leavePartial(partial, bytes);
  await run();
  expect(ranges()).toEqual(firstRange ? [firstRange, undefined] : [undefined]);
});

test('a server that ignores Range and sends everything starts the file again', async () => {
  const { hub, run, ranges, partial } = await modelDownload();
  await leavePartial(partial, MODEL.subarray(0, 200_000));
  hub.faults.add({ kind: 'ignore-range' }, { times: 1 });
  const seen: number[] = [];
  await run({ onProgress: ({ bytes }) => seen.push(bytes) });
  expect(ranges()).toEqual(['bytes=200000-']);
  expect(seen.at(-1)).toBe(SIZE);
});

test('a 416 throws the partial file away', async () => {
  const { hub, run, ranges, partial } = await modelDownload();
  await leavePartial(partial, MODEL.subarray(0, 200_000));
  hub.faults.add({ kind: 'status', status: 416 }, { stage: 'body', times: 1 });
  await run();
  expect(ranges()).toEqual(['bytes=200000-', undefined]);
});

test('a wrong byte is noticed and the file fetched again from zero', async () => {
  const { hub, run, ranges } = await modelDownload();
  hub.faults.add({ kind: 'corrupt', at: 222_222 }, { times: 1 });
  await run();
  expect(ranges()).toEqual([undefined, undefined]);
});

test.each([FILE, 'config.json'])('wrong bytes twice are hub_integrity, and nothing of %s stays', async (file) => {
  const { hub, cacheDir, options } = await hubFixture();
  hub.faults.add({ kind: 'corrupt', at: 3 }, { file });
  await expect(downloadSnapshot(options({ files: [file] }))).rejects.toMatchObject({
    code: 'hub_integrity',
    message: expect.stringContaining(`"${file}"`),
  });
  expect(await readdir(join(cacheDir, 'models--acme--voice'), { recursive: true })).toEqual(['blobs']);
});

test('a hub that answers with another commit is not believed', async () => {
  const { hub, options } = await hubFixture();
  hub.faults.add({ kind: 'commit', commit: 'b'.repeat(40) }, { file: 'config.json' });
  await expect(downloadSnapshot(options())).rejects.toMatchObject({ code: 'hub_integrity' });
});

test.each([
  ['429 at the hub', { kind: 'status', status: 429, retryAfter: 0 }, 'resolve'],
  ['503 at the hub', { kind: 'status', status: 503 }, 'resolve'],
  ['500 of the API', { kind: 'status', status: 500 }, 'api'],
  ['503 of the storage', { kind: 'status', status: 503 }, 'body'],
  ['an expired address of the storage', { kind: 'status', status: 403 }, 'body'],
  ['a dropped connection to the hub', { kind: 'drop' }, 'resolve'],
  ['a dropped connection to the API', { kind: 'drop' }, 'api'],
  ['a dropped connection to the storage', { kind: 'drop' }, 'body'],
] as const)('%s is tried again', async (_, fault, stage) => {
  const { hub, run } = await modelDownload();
  hub.faults.add(fault, { stage, times: 2 });
  await run();
});

test('Retry-After is waited for', async () => {
  const { hub, run } = await modelDownload();
  hub.faults.add({ kind: 'status', status: 429, retryAfter: 1 }, { times: 1 });
  const waits: unknown[] = [];
  const start = performance.now();
  await run({ log: (_, fields) => waits.push(fields.waitMs) });
  expect(performance.now() - start).toBeGreaterThan(990);
  expect(waits).toEqual([1000]);
});

test('a Retry-After of an hour is passed on instead of waited for', async () => {
  const { hub, run } = await modelDownload();
  hub.faults.add({ kind: 'status', status: 429, retryAfter: 3600 });
  await expect(run()).rejects.toMatchObject({ code: 'hub_unreachable', retryAfterSeconds: 3600 });
});

test('a connection that falls silent is given up and continued', async () => {
  const { hub, run, ranges } = await modelDownload();
  hub.faults.add({ kind: 'stall', at: 150_000 }, { times: 1 });
  await run({ stallMs: 200 });
  expect(ranges()).toHaveLength(2);
});

test('failures without end are hub_unreachable after as many tries as allowed', async () => {
  const { hub, run, ranges } = await modelDownload();
  hub.faults.add({ kind: 'status', status: 502 }, { stage: 'body' });
  await expect(run()).rejects.toMatchObject({
    code: 'hub_unreachable',
    message: expect.stringContaining('answered 502'),
  });
  expect(ranges()).toHaveLength(FAST_RETRY.attempts);
});

test('an abort ends at once with its reason, keeps the partial file, and the next call continues', async () => {
  const { hub, options, run, ranges, partial } = await modelDownload();
  const remove = hub.faults.add({ kind: 'slow', bytesPerSecond: 400_000 });
  const controller = new AbortController();
  const download = downloadSnapshot(options({ files: [FILE], signal: controller.signal }));
  const outcome = download.then(
    () => 'done',
    (error: unknown) => error,
  );
  await expect.poll(async () => (await stat(partial).catch(() => undefined))?.size ?? 0).toBeGreaterThan(30_000);
  const reason = new Error('the operator cancelled');
  const start = performance.now();
  controller.abort(reason);
  expect(await outcome).toBe(reason);
  expect(performance.now() - start).toBeLessThan(500);
  const kept = (await stat(partial)).size;
  expect(MODEL.subarray(0, kept)).toEqual(await readFile(partial));
  remove();
  await run();
  expect(ranges()).toEqual([undefined, `bytes=${kept}-`]);
});

test('an abort during the wait for another try, and before the start', async () => {
  const { hub, options } = await hubFixture();
  hub.faults.add({ kind: 'status', status: 503, retryAfter: 60 }, { stage: 'api' });
  const signal = AbortSignal.timeout(100);
  await expect(downloadSnapshot(options({ signal }))).rejects.toMatchObject({ name: 'TimeoutError' });
  const before = hub.requests.length;
  await expect(downloadSnapshot(options({ signal }))).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(hub.requests).toHaveLength(before);
});

test('the first file that fails ends the others, and its error is the one that is thrown', async () => {
  const { hub, cacheDir, options } = await hubFixture();
  hub.faults.add({ kind: 'slow', bytesPerSecond: 20_000 }, { file: FILE });
  hub.faults.add({ kind: 'status', status: 404, errorCode: 'EntryNotFound' }, { file: 'config.json' });
  const start = performance.now();
  await expect(downloadSnapshot(options())).rejects.toMatchObject({ code: 'hub_not_found' });
  expect(performance.now() - start).toBeLessThan(3000);
  expect(await readdir(join(cacheDir, 'models--acme--voice'))).not.toContain('refs');
  expect(hub.requests.some((request) => request.repo === REPO)).toBe(true);
});
