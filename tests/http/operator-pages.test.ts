/** What operators' pages read beside models and GPUs: the log, usage, and events of jobs, keys, webhooks and the audit log. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminModelDetail } from '../../backend/src/contract/admin.ts';
import type { UsageReport } from '../../backend/src/contract/admin-usage.ts';
import type { Job } from '../../backend/src/contract/jobs.ts';
import type { ApiKeyWithSecret } from '../../backend/src/contract/keys.ts';
import type { LogLine } from '../../backend/src/contract/logs.ts';
import { type Api, errorOf, eventually, json, STUB_AUDIO, startApi, toForm } from '../api/start-api.ts';
import { readAdminEvents } from '../support/read-admin-events.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { wav } from '../support/wav.ts';

const SECRET = 'hf_secretsecretsecret';

let api: Api;
beforeAll(async () => {
  api = await startApi({ env: { HUGGINGFACE_TOKEN: SECRET, MODEL_ALIASES: 'mine=fake/echo' } });
});
afterAll(() => api.close());

const admin = (method: string, path: string, body?: object) =>
  api.fetch(`/api/admin${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe('the log', () => {
  const find = async (query: string) => {
    const response = await admin('GET', `/logs?${query}`);
    expect(response.status).toBe(200);
    return json<{ data: LogLine[]; has_more: boolean }>(response);
  };

  it('has the lines of one request, redacted as in the file', async () => {
    const failed = await api.transcribe({ prompt: `${SECRET}:x` });
    const id = failed.headers.get('x-request-id') ?? '';
    await eventually(async () => expect((await find(`request_id=${id}`)).data.length).toBeGreaterThanOrEqual(2));
    const { data } = await find(`request_id=${id}`);
    expect(new Set(data.map(({ request_id }) => request_id))).toEqual(new Set([id]));
    expect(data[0]).toMatchObject({ level: 'info', message: 'request', fields: { status: 500 } });
    expect(data.find(({ level }) => level === 'error')).toBeDefined();
    expect(JSON.stringify(data)).not.toContain(SECRET);
    expect(JSON.stringify(data)).toContain('[redacted]');
    expect((await find(`request_id=${id}&level=error`)).data.every(({ level }) => level === 'error')).toBe(true);
  });

  it('goes back page by page, and finds text whatever its case', async () => {
    for (let index = 0; index < 5; index += 1) await api.fetch(`/v1/none-${index}`);
    const first = await find('q=NONE-&limit=3');
    expect(first.has_more).toBe(true);
    const before = first.data.at(-1)?.seq;
    const second = await find(`q=none-&limit=3&before=${before}`);
    expect(second.has_more).toBe(false);
    const paths = [...first.data, ...second.data].map(({ fields }) => fields.route);
    expect(paths).toEqual([4, 3, 2, 1, 0].map((index) => `/v1/none-${index}`));
    expect(await errorOf(await admin('GET', '/logs?limit=501'))).toMatchObject({ status: 400, param: 'limit' });
  });

  it('is told line by line to those who ask, and to nobody else', async () => {
    const [tail, plain] = [await readAdminEvents(api, { query: '?include=logs' }), await readAdminEvents(api)];
    const { headers } = await api.fetch('/v1/models');
    const id = headers.get('x-request-id');
    await eventually(() => expect(tail.of('log.line').map(({ line }) => line.request_id)).toContain(id));
    expect(plain.of('log.line')).toEqual([]);
  });
});

describe('usage', () => {
  it('is told by day and by model, of one key and of all', async () => {
    const key = await json<ApiKeyWithSecret>(await admin('POST', '/keys', { name: 'of the test' }));
    const headers = { authorization: `Bearer ${key.secret}` };
    for (const model of ['mine', 'fake/echo']) {
      const form = toForm({ model, prompt: 'seconds:7', file: new File([STUB_AUDIO], 'a.wav') });
      expect((await api.fetch('/v1/audio/transcriptions', { method: 'POST', headers, body: form })).status).toBe(200);
    }
    const read = async (query: string) => json<UsageReport>(await admin('GET', `/usage?${query}`));
    await eventually(async () => {
      const report = await read(`key=${key.id}`);
      expect(report).toMatchObject({ key: key.id, group: 'day', total_audio_seconds: 14, total_requests: 2 });
    });
    const { data, from, to } = await read(`key=${key.id}`);
    expect(data).toEqual([{ name: to, audio_seconds: 14, requests: 2 }]);
    expect(Date.parse(to) - Date.parse(from)).toBe(29 * 24 * 3_600_000);
    expect((await read(`key=${key.id}&group=model`)).data).toEqual([
      { name: 'fake/echo', audio_seconds: 14, requests: 2 },
    ]);
    expect((await read('')).total_requests).toBeGreaterThanOrEqual(2);
    expect((await read(`key=${key.id}&to=2020-01-01`)).data).toEqual([]);
    const refused = await admin('GET', '/usage?from=2026-02-01&to=2026-01-01');
    expect(await errorOf(refused)).toMatchObject({ status: 400, param: 'from' });
  });
});

describe('events', () => {
  const startJob = async (prompt: string) => {
    const response = await api.transcribe({ prompt, background: 'true', file: new File([wav(1)], 'a.wav') });
    expect(response.status).toBe(202);
    return json<Job>(response);
  };

  it('tell what becomes of jobs, with revisions that grow, as far as the job itself tells', async () => {
    const events = await readAdminEvents(api);
    const { id } = await startJob('windows:4:300');
    await eventually(() => {
      const last = events.of('job.state').findLast(({ job }) => job.id === id);
      expect(last?.job.status).toBe('succeeded');
    });
    const told = events.all.filter((event) => 'job' in event && event.job.id === id);
    const revs = told.map(({ rev }) => rev);
    expect(revs).toEqual([...new Set(revs)].sort((a, b) => a - b));
    const last = events.of('job.state').findLast(({ job }) => job.id === id)?.job;
    const job = await json<Job>(await api.fetch(`/v1/jobs/${id}`));
    expect(job.rev).toBe(last?.rev);
    expect(last).toMatchObject({ status: job.status, finished_at: job.finished_at, progress: job.progress });
    expect(last).not.toHaveProperty('metadata');
    expect((await api.fetch(`/v1/jobs/${id}`, { method: 'DELETE' })).status).toBe(200);
    await eventually(() => expect(events.of('job.deleted').map((event) => event.id)).toContain(id));
  });

  it('tell of keys, of webhooks and of the audit log', async () => {
    const events = await readAdminEvents(api);
    const key = await json<ApiKeyWithSecret>(await admin('POST', '/keys', { name: 'of the test' }));
    const changed = await json<ApiKeyWithSecret>(await admin('PATCH', `/keys/${key.id}`, { name: 'other' }));
    expect(changed.rev).toBeGreaterThan(key.rev);
    expect((await api.fetch('/v1/webhooks/secrets', { method: 'POST' })).status).toBe(201);
    await eventually(() => {
      expect(events.of('key.changed').at(-1)).toMatchObject({ id: key.id, rev: changed.rev, deleted: false });
      expect(events.of('webhook_secret.changed')).toHaveLength(1);
      expect(events.of('audit.added').length).toBeGreaterThan(0);
    });
  });

  it('go on behind the last one that was seen, without another snapshot', async () => {
    const first = await readAdminEvents(api);
    const key = await json<ApiKeyWithSecret>(await admin('POST', '/keys', { name: 'of the test' }));
    await eventually(() => expect(first.of('key.changed').map(({ id }) => id)).toContain(key.id));
    const { lastId = '' } = first;
    first.stop();
    await admin('PATCH', `/keys/${key.id}`, { name: 'meanwhile' });
    const second = await readAdminEvents(api, { lastId });
    await eventually(() => expect(second.of('key.changed').map(({ id }) => id)).toContain(key.id));
    expect(second.of('snapshot')).toEqual([]);
    const third = await readAdminEvents(api, { lastId: '5' });
    await eventually(() => expect(third.of('gpu.sample')).toHaveLength(1));
    expect(third.all.slice(0, 2).map(({ type }) => type)).toEqual(['resync', 'snapshot']);
  });

  it('tell what becomes of replicas', async () => {
    const events = await readAdminEvents(api);
    expect((await admin('POST', '/models/mine/unload')).status).toBe(200);
    await eventually(() => expect(events.of('replica.unloaded').map(({ model }) => model)).toEqual(['fake/echo']));
    await eventually(() => expect(events.of('replica.released')).toHaveLength(1));
    const { proof } = events.of('replica.released')[0] ?? {};
    expect(proof).toMatchObject({ device: 'cpu', cause: 'unloaded', exit_code: 0, passed: true, residue_bytes: null });
    expect(proof?.held_bytes).toBeGreaterThan(1_000_000);
    const detail = await json<AdminModelDetail>(await admin('GET', '/models/mine'));
    expect(detail).toMatchObject({ id: 'fake/echo', proofs: [proof] });
    expect((await admin('GET', '/models/none')).status).toBe(404);
    expect((await api.transcribe({ prompt: 'say:a' })).status).toBe(200);
    await eventually(() => expect(events.of('replica.loaded')).toHaveLength(1));
    expect((await api.transcribe({ prompt: 'signal:SIGKILL' })).status).toBe(500);
    await eventually(() => expect(events.of('replica.crashed').length).toBeGreaterThan(0));
    await eventually(() => {
      expect(events.of('replica.released').map((event) => event.proof.exit_signal)).toContain('SIGKILL');
    });
  });
});
