import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { whenModel } from '../support/model-state.ts';
import { postSpeech } from '../support/post-speech.ts';
import { openFilesOf } from '../support/processes.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { startTestApp, type TestApp } from '../support/start-app.ts';
import { waitUntil } from '../support/wait-until.ts';

const CLIENTS = 50;

let app: TestApp;
beforeAll(async () => {
  // Exactly as many uploads as leave: one place that is not given back would be missed.
  app = await startTestApp({ env: { MAX_CONCURRENT_UPLOADS: String(CLIENTS) } });
  await postSpeech(app.url);
});
afterAll(() => app.close());

async function spooled(): Promise<string[]> {
  const root = join(app.dir, 'data/uploads');
  // A folder may go while it is being read: then it is not empty yet, and the caller looks again.
  const names = await readdir(root, { recursive: true }).catch(() => ['a/upload-that-is-going']);
  return names.filter((name) => name.includes('/upload-'));
}

/** Also of files that have no name any more. */
function spoolDescriptors(): string[] {
  const root = join(app.dir, 'data/uploads');
  return openFilesOf(process.pid).filter((path) => path.startsWith(root) && path.includes('/upload-'));
}

/** Sends a fraction of an upload and stays; the function returned leaves. */
function beginUpload(fraction: number): () => void {
  const head =
    '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nfake/echo\r\n' +
    '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
  const body = Buffer.concat([Buffer.from(head), Buffer.alloc(300_000), Buffer.from('\r\n--b--\r\n')]);
  const upload = request(`${app.url}/v1/audio/transcriptions`, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-length': body.length },
  });
  upload.on('error', () => {});
  upload.write(body.subarray(0, Math.floor(fraction * body.length)));
  return () => void upload.destroy();
}

it('100 clients that leave midway leave no file, no descriptor, no place taken and no busy worker', async () => {
  const random = seededRandom(11);
  for (let round = 0; round < 2; round += 1) {
    const leaving = new AbortController();
    const working = Array.from({ length: CLIENTS }, () =>
      postSpeech(app.url, { prompt: 'sleep:600000', signal: leaving.signal }).catch(() => 'left'),
    );
    await whenModel(app.registry, ({ replica }) => replica.in_flight + replica.queued === CLIENTS);
    // From the first bytes of a field to all but the closing boundary.
    const uploads = Array.from({ length: CLIENTS }, (_, index) => beginUpload(index === 0 ? 0.9999 : random()));
    await waitUntil('every upload has its folder', async () => {
      return (await spooled()).filter((name) => /upload-[^/]+$/.test(name)).length === 2 * CLIENTS;
    });
    leaving.abort();
    for (const leave of uploads) leave();
    expect(await Promise.all(working)).toEqual(working.map(() => 'left'));

    await whenModel(app.registry, ({ replica }) => replica.in_flight + replica.queued === 0);
    await waitUntil('no upload is left on disk', async () => (await spooled()).length === 0);
    await waitUntil('no upload is still open', () => spoolDescriptors().length === 0);
  }
  const after = await Promise.all(Array.from({ length: CLIENTS }, () => postSpeech(app.url, { prompt: 'say:on' })));
  expect(after.map(({ status }) => status)).toEqual(after.map(() => 200));
  await waitUntil('no upload is left on disk', async () => (await spooled()).length === 0);
});

it('clients that leave at any instant of a short upload leave nothing either', async () => {
  const random = seededRandom(12);
  for (let client = 0; client < 100; client += 1) {
    const leave = beginUpload(random());
    await new Promise((resolve) => setTimeout(resolve, random() * 4));
    leave();
  }
  await waitUntil('no upload is left on disk', async () => (await spooled()).length === 0);
  await waitUntil('no upload is still open', () => spoolDescriptors().length === 0);
  expect((await postSpeech(app.url)).status).toBe(200);
});
