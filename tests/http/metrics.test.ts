/** `GET /metrics` of the whole gateway: who may read it, and that what happens shows. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, errorOf, eventually, startApi, USER_KEY } from '../api/start-api.ts';
import { parsePrometheus } from '../support/prometheus-text.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { wav } from '../support/wav.ts';

const TOKEN = 'token-of-the-scraper-0123';

describe('GET /metrics', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ env: { METRICS_TOKEN: TOKEN, MODEL_ALIASES: 'whisper-1=fake/echo' } });
  });
  afterAll(() => api.close());

  const ask = (key: string, path = '/metrics') => api.fetch(path, { headers: { authorization: `Bearer ${key}` } });
  const samples = async () => {
    const text = await (await ask(TOKEN)).text();
    return (name: string, labels: Record<string, string> = {}) =>
      parsePrometheus(text)
        .get(`audio_gateway_${name}`)
        ?.samples.find((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))?.value;
  };

  it('opens to its token and to an admin key, in the text format', async () => {
    for (const key of [TOKEN, ADMIN_KEY]) {
      const response = await ask(key);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('no-store');
      parsePrometheus(await response.text());
    }
  });

  it('opens to nobody else, and its token opens nothing else', async () => {
    expect(await errorOf(await ask(''))).toMatchObject({ status: 401, code: 'missing_api_key' });
    expect(await errorOf(await ask(`${TOKEN}x`))).toMatchObject({ status: 401, code: 'invalid_api_key' });
    expect(await errorOf(await ask(USER_KEY))).toMatchObject({ status: 403, code: 'admin_key_required' });
    expect(await errorOf(await ask(TOKEN, '/api/admin/models'))).toMatchObject({
      status: 401,
      code: 'invalid_api_key',
    });
    expect(await errorOf(await ask(TOKEN, '/v1/models'))).toMatchObject({ status: 401, code: 'invalid_api_key' });
  });

  it('counts a transcription, by the id of its model', async () => {
    const before = await samples();
    const response = await api.transcribe({ model: 'whisper-1', prompt: 'say:hello seconds:90' });
    expect(response.status).toBe(200);
    const found = await eventually(async () => {
      const now = await samples();
      expect(now('http_requests_total', { route: '/v1/audio/transcriptions', status: '2xx' })).toBe(1);
      return now;
    });
    expect(found('audio_seconds_total', { model: 'fake/echo', task: 'transcription' })).toBe(90);
    expect(found('upload_bytes_total')).toBeGreaterThan(before('upload_bytes_total') ?? 0);
    expect(found('worker_starts_total', { model: 'fake/echo', device: 'cpu' })).toBe(1);
    expect(found('replicas', { model: 'fake/echo', device: 'cpu', state: 'ready' })).toBe(1);
    expect(found('replica_resident_bytes', { model: 'fake/echo' })).toBeGreaterThan(1e6);
    expect(found('database_up')).toBe(1);
    // This scrape itself.
    expect(found('http_requests_in_flight')).toBe(1);
  });

  it('counts refusals under their route, whether anybody came in or not, and strange paths under one name', async () => {
    await ask('sk-of-nobody-at-all', '/v1/jobs/job_1');
    await api.fetch('/v1/models/a/b', { method: 'DELETE' });
    for (let index = 0; index < 5; index += 1) await ask(USER_KEY, `/strange/${index}`);
    const now = await eventually(async () => {
      const found = await samples();
      expect(found('http_requests_total', { route: 'other', status: '4xx' })).toBe(5);
      return found;
    });
    expect(now('http_requests_total', { route: '/v1/jobs/{id}', status: '4xx' })).toBe(1);
    expect(now('http_requests_total', { route: '/v1/models/{model}', method: 'DELETE' })).toBe(1);
    expect(now('errors_total', { code: 'unknown_url' })).toBe(5);
    expect(now('errors_total', { code: 'method_not_allowed' })).toBe(1);
  });

  it('counts a worker that dies', async () => {
    expect((await api.transcribe({ prompt: 'signal:SIGKILL' })).status).toBe(500);
    const now = await samples();
    // The request was tried once more.
    expect(now('worker_crashes_total', { model: 'fake/echo' })).toBe(2);
    expect(now('errors_total', { code: 'worker_crashed' })).toBe(1);
  });

  it('counts jobs', async () => {
    const form = { file: new File([wav(1)], 'a.wav'), prompt: 'say:mine seconds:1' };
    expect((await api.transcribe(form, { headers: { prefer: 'respond-async' } })).status).toBe(202);
    await eventually(async () => {
      const now = await samples();
      expect(now('jobs_ended_total', { status: 'succeeded' })).toBe(1);
      expect(now('audio_seconds_total', { model: 'fake/echo' })).toBe(91);
      expect([now('jobs', { status: 'queued' }), now('jobs', { status: 'running' })]).toEqual([0, 0]);
    });
  });

  it('never writes its token into the log', async () => {
    const log = await readFile(join(api.app.dir, 'logs', 'gateway.log'), 'utf8');
    expect(log).toContain('/metrics');
    expect(log).not.toContain(TOKEN);
  });
});
