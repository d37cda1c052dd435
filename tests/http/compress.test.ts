/** What is compressed on the way: lists and pages that are read whole; never streams, nor files that are asked for in parts. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, startTestApp, type TestApp } from '../support/start-app.ts';

describe('an answer', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());

  const get = (path: string, accepted: string, init: RequestInit = {}) =>
    fetch(app.url + path, {
      ...init,
      headers: { 'accept-encoding': accepted, authorization: `Bearer ${ADMIN_KEY}` },
    });

  it.each(['br', 'gzip'])('that is a long list comes as %s to whom takes that, and says the same', async (accepted) => {
    const [packed, plain] = await Promise.all([get('/openapi.json', accepted), get('/openapi.json', 'identity')]);
    expect(packed.headers.get('content-encoding')).toBe(accepted);
    expect(packed.headers.get('vary')).toMatch(/accept-encoding/i);
    expect(plain.headers.get('content-encoding')).toBeNull();
    const hashes = await Promise.all(
      [packed, plain].map(async (each) => createHash('sha256').update(await each.text())),
    );
    expect(hashes[0]?.digest('hex')).toBe(hashes[1]?.digest('hex'));
  });

  it('that is short comes as it is', async () => {
    expect((await get('/api/admin/jobs?status=running&limit=1', 'br')).headers.get('content-encoding')).toBeNull();
  });

  it('that is a stream comes at once, as it is', async () => {
    const stop = new AbortController();
    const response = await get('/api/admin/events', 'br, gzip', { signal: stop.signal });
    expect(response.headers.get('content-encoding')).toBeNull();
    const first = await response.body?.getReader().read();
    expect(new TextDecoder().decode(first?.value)).toContain('snapshot');
    stop.abort();
  });
});
