/** Methods and paths nobody serves, and what the dashboard's files come with. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkApi } from '../support/openapi-check.ts';
import { ADMIN_KEY, startTestApp, type TestApp } from '../support/start-app.ts';
import { exchange } from '../support/wire-replay.ts';
import { ask, codeOf, type RawApi } from './raw-request.ts';

describe('routes', () => {
  let app: TestApp;
  let api: RawApi;
  beforeAll(async () => {
    app = await startTestApp();
    const dist = join(app.dir, 'no-frontend');
    await mkdir(join(dist, 'assets'), { recursive: true });
    await writeFile(join(dist, 'index.html'), '<!doctype html><title>page</title>');
    await writeFile(join(dist, 'assets', 'index-0a1b2c3d.js'), 'export {};');
    api = { url: app.url, check: (await checkApi(app)).check };
  });
  afterAll(() => app.close());

  const headers = { Authorization: `Bearer ${ADMIN_KEY}` };

  it.each([
    ['PUT', '/v1/models', 'GET, HEAD'],
    ['DELETE', '/v1/models/fake/echo', 'GET, HEAD'],
    ['GET', '/v1/audio/transcriptions', 'POST'],
    ['HEAD', '/v1/audio/transcriptions', 'POST'],
    ['PATCH', '/v1/audio/transcriptions', 'POST'],
    ['PUT', '/api/admin/models', 'GET, HEAD, POST'],
    ['OPTIONS', '/api/admin/models', 'GET, HEAD, POST'],
    ['POST', '/health', 'GET, HEAD'],
    ['OPTIONS', '/health/live', 'GET, HEAD'],
    ['POST', '/openapi.json', 'GET, HEAD'],
  ])('%s %s: 405 with Allow', async (method, path, allow) => {
    const answer = await ask(api, { method, path, headers });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allow);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    if (method !== 'HEAD') expect(codeOf(answer)).toBe('method_not_allowed');
  });

  it.each(['/v1/models', '/v1/models/fake/echo', '/api/admin/models', '/health', '/health/live', '/openapi.json', '/'])(
    'HEAD %s is GET without a body',
    async (path) => {
      const response = await fetch(app.url + path, { method: 'HEAD', headers });
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('');
      const full = await fetch(app.url + path, { headers });
      expect(response.headers.get('content-type')).toBe(full.headers.get('content-type'));
      expect((await full.text()).length).toBeGreaterThan(0);
    },
  );

  it.each(['/v1/models/%E0%A4%A', '/v1/%', '/api/admin/%E0%A4%A', '/%E0%A4%A', '/assets/%ff', '/%00'])(
    '%s: broken percent-encoding is an envelope, never a page',
    async (path) => {
      const answer = await ask(api, { path, headers });
      expect([400, 404]).toContain(answer.status);
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    },
  );

  it.each(['/nope', '/index.htm', '/v1/models/../../nope', '/..%2f..%2fetc/passwd', '/.env', '/assets/'])(
    '%s: 404 as JSON',
    async (path) => {
      const answer = await ask(api, { path, headers });
      expect({ status: answer.status, type: answer.headers.get('content-type') }).toEqual({
        status: 404,
        type: 'application/json; charset=utf-8',
      });
    },
  );

  it('an unknown address in absolute form, as proxies send it', async () => {
    const answer = await ask(api, { path: 'http://other.example/nope', headers });
    expect(answer.status).toBe(404);
  });

  it('an expectation nobody has defined is ignored', async () => {
    const answer = await ask(api, { path: '/health', headers: { Expect: 'the-unexpected' } });
    expect(answer.status).toBe(200);
  });

  it('a request without Host is no stranger to the envelope, and never anonymous', async () => {
    const request = 'GET /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n';
    const { responses } = await exchange(app.url, [request], { untilAnswered: true });
    expect(responses).toHaveLength(1);
    expect(JSON.parse(responses[0]?.body ?? '').error).toMatchObject({ code: 'api_keys_not_configured' });
  });

  it('the page forbids what a page of an admin tool should not do; its hashed files are kept for good', async () => {
    const page = await ask(api, { path: '/' });
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('x-powered-by')).toBeNull();
    const asset = await ask(api, { path: '/assets/index-0a1b2c3d.js' });
    expect(asset.headers.get('cache-control')).toMatch(/immutable/);
    expect(asset.headers.get('content-type')).toMatch(/^text\/javascript/);
  });

  it('GET /api/admin/events starts with the models and the GPUs, of which there are none', async () => {
    const stop = new AbortController();
    const { fetch: checked } = await checkApi(app);
    const response = await checked('/api/admin/events', { headers, signal: stop.signal });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!/"gpu.sample".*\n/.test(text)) text += (await reader?.read())?.value ?? '';
    expect(text).toMatch(
      /^id: \d+\ndata: \{"type":"snapshot".*\n\ndata: \{"type":"gpu.sample",.*"state":"unavailable"/,
    );
    stop.abort();
  });
});
