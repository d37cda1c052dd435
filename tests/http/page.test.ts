/** How the dashboard's files come: the page with a nonce of its own, deep links, compressed assets, and never an API's 404. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, startTestApp, type TestApp } from '../support/start-app.ts';

const PAGE = '<!doctype html><meta property="csp-nonce" nonce="{{style-nonce}}"><title>page</title>';
const SCRIPT = `export const text = '${'long '.repeat(400)}';`;
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('page', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
    const assets = join(app.dir, 'no-frontend', 'assets');
    await mkdir(assets, { recursive: true });
    await writeFile(join(assets, '..', 'index.html'), PAGE);
    await writeFile(join(assets, '..', 'scheme.js'), '// early');
    await writeFile(join(assets, 'index-0a1b2c3d.js'), SCRIPT);
    await writeFile(join(assets, 'index-0a1b2c3d.js.br'), brotliCompressSync(SCRIPT));
    await writeFile(join(assets, 'index-0a1b2c3d.js.gz'), gzipSync(SCRIPT));
    await writeFile(join(assets, 'plain-0a1b2c3d.css'), 'a{}');
  });
  afterAll(() => app.close());

  const get = (path: string, headers: Record<string, string> = {}) => fetch(app.url + path, { headers });

  it('has a fresh nonce for styles in every answer, never for scripts, and is never kept', async () => {
    const nonces = await Promise.all(
      [1, 2].map(async () => {
        const response = await get('/');
        const policy = response.headers.get('content-security-policy') ?? '';
        const [, nonce = ''] = /style-src 'self' 'nonce-([\w+/=]{24})'/.exec(policy) ?? [];
        expect(await response.text()).toContain(`nonce="${nonce}"`);
        expect(policy).toMatch(/script-src 'self';/);
        expect(policy).toMatch(/connect-src 'self' blob:; media-src 'self' blob:; worker-src 'self';/);
        expect(response.headers.get('permissions-policy')).toBe('microphone=(self)');
        expect(response.headers.get('cache-control')).toBe('no-store');
        expect(response.headers.get('etag')).toBeNull();
        expect(response.headers.get('last-modified')).toBeNull();
        return nonce;
      }),
    );
    expect(nonces[0]).not.toBe('');
    expect(nonces[0]).not.toBe(nonces[1]);
  });

  it.each(['/models', '/models/fake%2Fecho', '/jobs/job_1?tab=trace', '/index.html', '/docs/'])(
    'a browser that comes to %s gets the page',
    async (path) => {
      const response = await get(path, BROWSER);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(await response.text()).not.toContain('{{');
    },
  );

  it.each([
    '/v1/nope',
    '/api/nope',
    '/api/admin/nope',
    '/metrics/nope',
    '/health/nope',
    '/assets/gone-0a1b2c3d.js',
    '/.env',
  ])('a browser that comes to %s gets no page', async (path) => {
    const response = await get(path, { ...BROWSER, authorization: `Bearer ${ADMIN_KEY}` });
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  });

  it('only a browser that navigates gets the page: a script’s or a program’s mistake stays a 404', async () => {
    expect((await get('/models')).status).toBe(404);
    expect((await fetch(`${app.url}/models`, { method: 'POST', headers: BROWSER })).status).toBe(404);
  });

  it.each([
    ['br, gzip', 'br'],
    ['gzip', 'gzip'],
    ['identity', null],
    ['br;q=0, gzip', 'gzip'],
  ])('a hashed file for a client that takes %s', async (accepted, encoding) => {
    const response = await get('/assets/index-0a1b2c3d.js', { 'accept-encoding': accepted });
    expect(response.headers.get('content-encoding')).toBe(encoding);
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(response.headers.get('vary')).toMatch(/accept-encoding/i);
    expect(response.headers.get('cache-control')).toMatch(/immutable/);
    expect(await response.text()).toBe(SCRIPT);
  });

  it('a file that was not compressed comes as it is', async () => {
    const response = await get('/assets/plain-0a1b2c3d.css', { 'accept-encoding': 'br' });
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(await response.text()).toBe('a{}');
  });

  it('a file without a hash is asked for anew', async () => {
    expect((await get('/scheme.js')).headers.get('cache-control')).toBe('no-cache');
  });
});
