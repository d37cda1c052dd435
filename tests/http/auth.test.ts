/** Who may come in, by which door, with which key, from where. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { checkApi } from '../support/openapi-check.ts';
import { ADMIN_KEY, startTestApp, type TestApp } from '../support/start-app.ts';
import { tempDir } from '../support/temp-dir.ts';
import { ask, codeOf, type RawApi } from './raw-request.ts';

const USER_KEY = 'user-key-without-a-known-prefix';
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
const UPLOAD = { method: 'POST', path: '/v1/audio/transcriptions' };
const MULTIPART = { 'Content-Type': 'multipart/form-data; boundary=x' };
const OPEN = ['/health', '/health/live', '/health/ready', '/openapi.json'];

describe('a server with keys', () => {
  let app: TestApp;
  let api: RawApi;
  beforeAll(async () => {
    app = await startTestApp({ env: { OPENAI_API_KEYS: `${USER_KEY},another-user-key` } });
    const dist = join(app.dir, 'no-frontend');
    await mkdir(dist);
    await writeFile(join(dist, 'index.html'), '<!doctype html><title>page</title>');
    api = { url: app.url, check: (await checkApi(app)).check };
  });
  afterAll(() => app.close());

  it.each([
    ['no key', {}, 401, 'missing_api_key'],
    ['an empty bearer', { Authorization: 'Bearer ' }, 401, 'missing_api_key'],
    ['another scheme', { Authorization: `Basic ${btoa(`x:${USER_KEY}`)}` }, 401, 'missing_api_key'],
    ['a wrong key', bearer('sk-wrong'), 401, 'invalid_api_key'],
    ['two keys in one', bearer(`${USER_KEY},another-user-key`), 401, 'invalid_api_key'],
    ['a user key', bearer(USER_KEY), 200, undefined],
    ['the other user key', bearer('another-user-key'), 200, undefined],
    ['an admin key', bearer(ADMIN_KEY), 200, undefined],
    ['a scheme in lower case', { authorization: `bearer ${USER_KEY}` }, 200, undefined],
    ['X-API-Key', { 'X-API-Key': USER_KEY }, 200, undefined],
    ['X-API-Key that is wrong', { 'X-API-Key': 'sk-wrong' }, 401, 'invalid_api_key'],
    ['X-API-Key that is empty', { 'X-API-Key': '' }, 401, 'missing_api_key'],
    ["X-API-Key beside a proxy's own password", { 'X-API-Key': USER_KEY, Authorization: 'Basic eDp5' }, 200, undefined],
    ['X-API-Key beside a wrong bearer', { 'X-API-Key': USER_KEY, ...bearer('sk-wrong') }, 401, 'invalid_api_key'],
  ])('/v1 with %s', async (_title, headers, status, code) => {
    const answer = await ask(api, { path: '/v1/models', headers });
    expect(answer.status).toBe(status);
    if (code !== undefined) expect(codeOf(answer)).toBe(code);
  });

  it.each([
    ['no key, from this very machine', {}, 401, 'missing_api_key'],
    ['a wrong key', bearer('sk-wrong'), 401, 'invalid_api_key'],
    ['a user key', bearer(USER_KEY), 403, 'admin_key_required'],
    ['an admin key', bearer(ADMIN_KEY), 200, undefined],
    ['an admin key as X-API-Key', { 'X-API-Key': ADMIN_KEY }, 200, undefined],
  ])('/api with %s', async (_title, headers, status, code) => {
    const answer = await ask(api, { path: '/api/admin/models', headers });
    expect(answer.status).toBe(status);
    if (code !== undefined) expect(codeOf(answer)).toBe(code);
  });

  it('a key opens /v1 from anywhere: proxies, other hosts, other origins', async () => {
    const headers = { ...bearer(USER_KEY), Host: 'gateway.example', 'X-Forwarded-For': '203.0.113.7' };
    const answer = await ask(api, { path: '/v1/models', headers: { ...headers, Origin: 'https://page.example' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('a key in the query or in a cookie is none', async () => {
    const headers = { Cookie: `key=${USER_KEY}; X-API-Key=${USER_KEY}` };
    expect((await ask(api, { path: `/v1/models?api_key=${USER_KEY}`, headers })).status).toBe(401);
  });

  it('401 comes before the body: a gigabyte is announced and nothing sent', async () => {
    const startedAt = performance.now();
    const answer = await ask(api, { ...UPLOAD, headers: { ...MULTIPART, 'Content-Length': '1000000000' } });
    expect(answer.status).toBe(401);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('Expect: 100-continue without a key gets 401 and no 100', async () => {
    const headers = { ...MULTIPART, 'Content-Length': '1000', Expect: '100-continue' };
    const answer = await ask(api, { ...UPLOAD, headers });
    expect({ status: answer.status, interim: answer.interim }).toEqual({ status: 401, interim: [] });
    // What it may send in spite of that is not read.
    expect(answer.headers.get('connection')).toBe('close');
  });

  it('Expect: 100-continue with a key gets the 100', async () => {
    const body = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n';
    const length = { 'Content-Length': String(body.length) };
    const headers = { ...MULTIPART, ...length, ...bearer(USER_KEY), Expect: '100-continue' };
    const { status, interim } = await ask(api, { ...UPLOAD, headers, body });
    expect({ status, interim }).toEqual({ status: 400, interim: [100] });
  });

  it.each([...OPEN, '/'])('%s needs no key', async (path) => {
    const answer = await ask(api, { path });
    expect(answer.status).toBe(200);
    if (path === '/') expect(answer.body).toContain('<title>page</title>');
  });

  it('only /v1 knows CORS', async () => {
    const headers = { Origin: 'app://obsidian.md', ...bearer(ADMIN_KEY) };
    const preflight = { ...headers, 'Access-Control-Request-Method': 'GET' };
    for (const path of [...OPEN, '/', '/api/admin/models']) {
      for (const answer of [
        await ask(api, { path, headers }),
        await ask(api, { path, method: 'OPTIONS', headers: preflight }),
      ]) {
        const names = [...answer.headers.keys()].filter((name) => name.startsWith('access-control-'));
        expect(names, `${answer.status} ${path}`).toEqual([]);
      }
    }
    const own = await ask(api, { path: '/v1/models', headers });
    expect(own.headers.get('access-control-allow-origin')).toBe('app://obsidian.md');
    expect(own.headers.get('vary')).toMatch(/\bOrigin\b/i);
    expect(own.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('a preflight is answered without a key, for allowed origins only', async () => {
    const requested = { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'x-stainless-os' };
    const allowed = await ask(api, {
      ...UPLOAD,
      method: 'OPTIONS',
      headers: { Origin: 'app://obsidian.md', ...requested },
    });
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-headers')).toBe('x-stainless-os');
    const foreign = await ask(api, {
      ...UPLOAD,
      method: 'OPTIONS',
      headers: { Origin: 'https://page.example', ...requested },
    });
    expect(foreign.status).toBe(401);
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('a server without user keys, on loopback', () => {
  let app: TestApp;
  let api: RawApi;
  let port: string;
  beforeAll(async () => {
    app = await startTestApp();
    api = { url: app.url, check: (await checkApi(app)).check };
    port = new URL(app.url).port;
  });
  afterAll(() => app.close());

  const models = (headers: Record<string, string>) => ask(api, { path: '/v1/models', headers });

  it.each(['127.0.0.1:PORT', '127.0.0.1', '127.9.9.9:80', 'localhost:PORT', 'LocalHost', '[::1]:PORT', '[::1]'])(
    'Host %s is this machine',
    async (host) => {
      expect((await models({ Host: host.replace('PORT', port) })).status).toBe(200);
    },
  );

  it.each([
    'rebound.example:PORT',
    '127.0.0.1.rebound.example',
    'localhost.rebound.example',
    'notlocalhost',
    '[::2]:PORT',
    '0.0.0.0:PORT',
    '192.168.1.2',
    '2130706433',
    '127.0.0.1@rebound.example',
    '',
  ])('Host %s is not: 401', async (host) => {
    const answer = await models({ Host: host.replace('PORT', port) });
    expect({ status: answer.status, code: codeOf(answer) }).toEqual({ status: 401, code: 'api_keys_not_configured' });
  });

  it.each(['http://OWN', 'https://OWN', 'app://obsidian.md'])('Origin %s may call', async (origin) => {
    const own = `127.0.0.1:${port}`;
    const answer = await models({ Host: own, Origin: origin.replace('OWN', own) });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin.replace('OWN', own));
  });

  it.each([
    ['another site', { Origin: 'https://page.example' }],
    ['another port of this machine', { Origin: 'http://127.0.0.1:1' }],
    ['another name of this machine', { Origin: 'http://localhost' }],
    ['no origin at all, as sandboxed pages say', { Origin: 'null' }],
    ['a look-alike of an allowed one', { Origin: 'app://obsidian.md.example' }],
    ['an image on another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['an image on a sibling site', { 'Sec-Fetch-Site': 'same-site' }],
  ])('a page may not call: %s', async (_title, headers) => {
    const answer = await models({ Host: `127.0.0.1:${port}`, ...headers });
    expect({ status: answer.status, code: codeOf(answer) }).toEqual({ status: 403, code: 'origin_not_allowed' });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('a foreign page may not even upload: refused before the body', async () => {
    const headers = { ...MULTIPART, 'Content-Length': '1000000000', Origin: 'https://page.example' };
    expect((await ask(api, { ...UPLOAD, headers })).status).toBe(403);
  });

  it.each([{ 'Sec-Fetch-Mode': 'cors' }, { 'Sec-Fetch-Site': 'same-origin' }, { 'Sec-Fetch-Site': 'none' }])(
    '%o alone is no web page of another site',
    async (headers) => {
      expect((await models(headers as Record<string, string>)).status).toBe(200);
    },
  );

  it.each(['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Real-IP'])(
    '%s: a proxy brings strangers: 403',
    async (name) => {
      const answer = await models({ [name]: '127.0.0.1' });
      expect({ status: answer.status, code: codeOf(answer) }).toEqual({ status: 403, code: 'proxy_not_allowed' });
    },
  );

  it('any key a client must send to be satisfied is as good as none', async () => {
    expect((await models(bearer('sk-anything'))).status).toBe(200);
    expect((await models({ ...bearer('sk-anything'), Origin: 'https://page.example' })).status).toBe(403);
  });

  it('/api still needs the admin key', async () => {
    expect(codeOf(await ask(api, { path: '/api/admin/models' }))).toBe('missing_api_key');
    expect(codeOf(await ask(api, { path: '/api/admin/models', headers: bearer('sk-anything') }))).toBe(
      'invalid_api_key',
    );
    expect((await ask(api, { path: '/api/admin/models', headers: bearer(ADMIN_KEY) })).status).toBe(200);
  });

  it('the admin key opens /v1 from anywhere', async () => {
    expect((await models({ Host: 'gateway.example', ...bearer(ADMIN_KEY) })).status).toBe(200);
  });

  it.each(OPEN)('%s needs no key, whatever the host', async (path) => {
    expect((await ask(api, { path, headers: { Host: 'gateway.example' } })).status).toBe(200);
  });
});

describe('a server without user keys, on every address', () => {
  let app: TestApp;
  let api: RawApi;
  beforeAll(async () => {
    app = await startTestApp({ env: { API_HOST: '0.0.0.0' } });
    const url = app.url.replace('0.0.0.0', '127.0.0.1');
    api = { url, check: (await checkApi({ url })).check };
  });
  afterAll(() => app.close());

  it.each(['127.0.0.1', 'localhost', 'gateway.example'])('/v1 is closed, also for Host %s', async (host) => {
    const answer = await ask(api, { path: '/v1/models', headers: { Host: host } });
    expect({ status: answer.status, code: codeOf(answer) }).toEqual({ status: 401, code: 'api_keys_not_configured' });
  });

  it('the admin key opens it', async () => {
    expect((await ask(api, { path: '/v1/models', headers: bearer(ADMIN_KEY) })).status).toBe(200);
  });
});

describe('keys and the log', () => {
  it('no key ever stands in the log, right or wrong, wherever it was sent', async () => {
    const logDir = await tempDir();
    const app = await startTestApp({ env: { OPENAI_API_KEYS: USER_KEY, LOG_DIR: logDir, LOG_LEVEL: 'debug' } });
    let isClosed = false;
    const close = async () => {
      if (!isClosed) await app.close();
      isClosed = true;
    };
    onTestFinished(close);
    const api = { url: app.url, check: (await checkApi(app)).check };
    const wrong = 'sk-proj-0123456789abcdefghij';
    for (const key of [USER_KEY, ADMIN_KEY, wrong]) {
      for (const path of ['/v1/models', '/api/admin/models', `/v1/models?key=${key}`, `/v1/models/${key}`]) {
        await ask(api, { path, headers: bearer(key) });
      }
      await ask(api, { path: '/v1/models', headers: { Authorization: key, Cookie: `key=${key}`, 'X-Api-Key': key } });
    }
    await close();
    const log = await readFile(join(logDir, 'gateway.log'), 'utf8');
    expect(log.split('\n').filter((line) => line.includes('"request"')).length).toBeGreaterThanOrEqual(15);
    for (const key of [USER_KEY, ADMIN_KEY, wrong]) expect(log).not.toContain(key);
  });
});
