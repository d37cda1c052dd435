/** `GET /v1/key`: what a key is told of itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiKeyWithSecret, OwnKey } from '../../backend/src/contract/keys.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { runOn } from '../support/test-database.ts';
import { wav } from '../support/wav.ts';
import { type Api, json, startApi } from './start-api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const ownKey = async (key: string) => json<OwnKey>(await api.fetch('/v1/key', { headers: bearer(key) }));

async function makeKey(body: object) {
  const init = { method: 'POST', headers: bearer(ADMIN_KEY), body: JSON.stringify(body) };
  return json<ApiKeyWithSecret>(await api.fetch('/api/admin/keys', init));
}

describe('GET /v1/key', () => {
  it('tells a key its limits, what it has used of them and when that ends', async () => {
    const limits = {
      requests_per_minute: 60,
      concurrent_jobs: 3,
      audio_seconds_per_day: 100,
      audio_seconds_per_month: 1000,
    };
    const { id, secret } = await makeKey({ name: 'Alice', scopes: { tasks: ['transcription'] }, limits });
    const headers = bearer(secret);
    const file = new File([wav(5)], 'a.wav');
    expect((await api.transcribe({ file, prompt: 'seconds:5' }, { headers })).status).toBe(200);
    const response = await api.fetch('/v1/key', { headers });
    const text = await response.text();
    expect(text).not.toContain(secret);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const key: OwnKey = JSON.parse(text);
    expect(key).toMatchObject({
      object: 'key',
      id,
      name: 'Alice',
      role: 'user',
      scopes: { admin: false, tasks: ['transcription'], models: null },
      expires_at: null,
    });
    // The two requests, of which at most one second's worth has been refilled.
    expect(key.limits.requests_per_minute).toMatchObject({ limit: 60, used: expect.any(Number) });
    expect(key.limits.requests_per_minute.used).toBeGreaterThanOrEqual(1);
    expect(key.limits.requests_per_minute.used).toBeLessThanOrEqual(2);
    expect(key.limits.concurrent_jobs).toEqual({ limit: 3, used: 0, resets_at: null });
    const { audio_seconds_per_day: day, audio_seconds_per_month: month } = key.limits;
    expect(day).toMatchObject({ limit: 100, used: 5 });
    expect(month).toMatchObject({ limit: 1000, used: 5 });
    const now = Date.now() / 1000;
    expect((day.resets_at ?? 0) % 86_400).toBe(0);
    expect(day.resets_at).toBeGreaterThan(now - 60);
    expect(day.resets_at).toBeLessThanOrEqual(now + 86_400);
    expect(new Date(1000 * (month.resets_at ?? 0)).toISOString()).toMatch(/-01T00:00:00\.000Z$/);
    expect(month.resets_at).toBeGreaterThanOrEqual(day.resets_at ?? 0);
  });

  it('tells an admin key that it is one, and has no name for keys of the environment', async () => {
    expect(await ownKey(ADMIN_KEY)).toMatchObject({
      role: 'admin',
      name: null,
      scopes: { admin: true, tasks: null, models: null },
      limits: { requests_per_minute: { limit: null, used: null, resets_at: null } },
    });
    const { secret } = await makeKey({ name: 'Operator', scopes: { admin: true } });
    expect(await ownKey(secret)).toMatchObject({ role: 'admin', name: 'Operator' });
  });

  it('tells a key of the environment what it is while the database is away: operators sign in with that', async () => {
    const { databaseUrl } = api.app;
    const name = new URL(databaseUrl).pathname.slice(1);
    const server = new URL('/postgres', databaseUrl).href;
    const allow = (connections: boolean) => runOn(server, `alter database ${name} allow_connections ${connections}`);
    await allow(false);
    try {
      await runOn(server, `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
      expect(await ownKey(ADMIN_KEY)).toMatchObject({
        role: 'admin',
        limits: { concurrent_jobs: { used: null }, audio_seconds_per_day: { used: null, resets_at: null } },
      });
    } finally {
      await allow(true);
    }
    expect((await ownKey(ADMIN_KEY)).limits.concurrent_jobs.used).toBe(0);
  });
});
