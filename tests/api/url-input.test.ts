/** Audio by its address instead of in the request. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../backend/src/contract/jobs.ts';
import { wav } from '../support/wav.ts';
import { type Api, errorOf, eventually, json, startApi } from './start-api.ts';

describe('url', () => {
  let api: Api;
  let strict: Api;
  let server: Server;
  let base: string;
  let broken = 0;
  beforeAll(async () => {
    const audio = wav(1, 333);
    server = createServer((request, response) => {
      if (request.url === '/missing') response.writeHead(404).end('a secret of this server');
      else if (request.url === '/text') response.end('this is no audio');
      else if (request.url === '/breaks' && request.headers.range === undefined) {
        broken += 1;
        response.writeHead(200, { 'content-length': audio.length, etag: '"1"', 'accept-ranges': 'bytes' });
        response.write(audio.subarray(0, 1000), () => response.destroy());
      } else if (request.url === '/breaks') {
        const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]);
        const range = `bytes ${from}-${audio.length - 1}/${audio.length}`;
        response.writeHead(206, { 'content-range': range, 'content-length': audio.length - from, etag: '"1"' });
        response.end(audio.subarray(from));
      } else response.end(audio);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    api = await startApi({ env: { URL_ALLOWED_HOSTS: '127.0.0.1' } });
    strict = await startApi();
  });
  afterAll(async () => {
    await api.close();
    await strict.close();
    server.close();
  });

  it('is fetched for an answer at once, and for a job', async () => {
    const answer = await api.transcribe({ file: null, url: `${base}/talk.wav`, prompt: 'file:4' });
    expect(await json(answer)).toMatchObject({ text: 'RIFF' });
    const values = { file: null, url: `${base}/breaks`, prompt: 'file:4' };
    const job = await json<Job>(await api.transcribe(values, { headers: { prefer: 'respond-async' } }));
    await eventually(async () =>
      expect(await json(await api.fetch(`/v1/jobs/${job.id}`))).toMatchObject({ status: 'succeeded' }),
    );
    expect(broken).toBe(1);
    const manifest = await json(await api.fetch(`/v1/jobs/${job.id}/artifacts/manifest.json`));
    expect(manifest).toMatchObject({ input: { name: 'breaks', bytes: wav(1).length, seconds: 1 } });
  });

  it('is refused where the server will not go, and said to be wrong where it leads nowhere', async () => {
    const to = (target: Api, url: string) => target.transcribe({ file: null, url });
    for (const url of [base, 'http://169.254.169.254/', 'http://[::ffff:10.0.0.1]/', 'http://localhost:1/']) {
      expect(await errorOf(await to(strict, url)), url).toMatchObject({
        status: 400,
        code: 'url_not_allowed',
        param: 'url',
      });
    }
    // As a job too, before there is one.
    for (const url of ['ftp://example.com/a', 'no address', 'http://169.254.169.254/', 'http://[::1]:1/a.wav']) {
      const answer = await strict.transcribe({ file: null, url }, { headers: { prefer: 'respond-async' } });
      expect(await errorOf(answer), url).toMatchObject({ status: 400, param: 'url' });
    }
    for (const url of ['ftp://example.com/a', 'no address', 'file:///etc/passwd']) {
      expect((await errorOf(await to(api, url))).status, url).toBe(400);
    }
    const missing = await to(api, `${base}/missing`);
    expect(missing.status).toBe(400);
    expect(await missing.text()).not.toContain('secret');
    const both = await api.transcribe({ url: `${base}/talk.wav` });
    expect(await errorOf(both)).toMatchObject({ status: 400, param: 'url' });
  });

  it('fails its job when there is no audio behind it', async () => {
    const values = { file: null, url: `${base}/text` };
    const job = await json<Job>(await api.transcribe(values, { headers: { prefer: 'respond-async' } }));
    await eventually(async () => {
      const found = await json<Job>(await api.fetch(`/v1/jobs/${job.id}`));
      expect(found).toMatchObject({ status: 'failed', error: { code: 'unsupported_audio' } });
    });
    expect(await errorOf(await api.fetch(`/v1/jobs/${job.id}/result`))).toMatchObject({ code: 'unsupported_audio' });
    const manifest = await json(await api.fetch(`/v1/jobs/${job.id}/artifacts/manifest.json`));
    expect(manifest).toMatchObject({ outputs: [], error: { code: 'unsupported_audio' } });
  });
});
