/** Forgetting a key and a person, on the whole gateway. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GdprErasure } from '../../backend/src/contract/gdpr.ts';
import type { Job } from '../../backend/src/contract/jobs.ts';
import type { ApiKeyWithSecret } from '../../backend/src/contract/keys.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { wav } from '../support/wav.ts';
import { type Api, errorOf, eventually, json, startApi } from './start-api.ts';

describe('/api/admin/gdpr', () => {
  let api: Api;
  let pitch = 0;
  beforeAll(async () => {
    api = await startApi({ env: { MODEL_ALIASES: 'whisper-1=fake/echo' } });
  });
  afterAll(() => api.close());

  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  const post = (path: string, body: unknown) =>
    api.fetch(`/api/admin/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const audit = async () => {
    const text = await (await api.fetch('/api/admin/audit', { headers })).text();
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  };

  async function finishedJob(user: string, authorization?: string): Promise<Job> {
    const file = new File([wav(1, 100 + pitch++)], `${user}.wav`);
    const init = { headers: { prefer: 'respond-async', ...(authorization && { authorization }) } };
    const { id } = await json<Job>(await api.transcribe({ file, metadata: JSON.stringify({ user }) }, init));
    return eventually(async () => {
      const asked = await api.fetch(`/v1/jobs/${id}`, {
        headers: authorization === undefined ? {} : { authorization },
      });
      const job = await json<Job>(asked);
      expect(job.status).toBe('succeeded');
      return job;
    });
  }

  it('exports a person, erases it, and says so in the audit log, without its name', async () => {
    const ann = await finishedJob('ann');
    const bob = await finishedJob('bob');
    const exported = await post('gdpr/export', { user: 'ann' });
    expect(exported.headers.get('content-type')).toBe('application/jsonl; charset=utf-8');
    const lines = (await exported.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toEqual({ type: 'end', counts: { job: 1, file: ann.artifacts.length + 1 } });
    expect(JSON.stringify(lines)).not.toContain('bob');

    const erasure = await json<GdprErasure>(await post('gdpr/erase', { user: 'ann' }));
    expect(erasure.counts).toMatchObject({ jobs: 1, api_keys: 0 });
    expect((await api.fetch(`/v1/jobs/${ann.id}`)).status).toBe(404);
    expect((await api.fetch(`/v1/jobs/${bob.id}`)).status).toBe(200);
    const rows = await audit();
    expect(rows).toContainEqual(
      expect.objectContaining({ action: 'gdpr.export', subject: expect.stringMatching(/^export_/) }),
    );
    expect(rows).toContainEqual(
      expect.objectContaining({ action: 'gdpr.erased', subject: erasure.id, result: 'success' }),
    );
    expect(JSON.stringify(rows)).not.toContain('ann');
  });

  it('erases a key: its jobs, its usage, its name; it opens nothing any more', async () => {
    const key = await json<ApiKeyWithSecret>(await post('keys', { name: 'Ann Example' }));
    const authorization = `Bearer ${key.secret}`;
    await finishedJob('whoever', authorization);
    const erasure = await json<GdprErasure>(await post('gdpr/erase', { key_id: key.id }));
    expect(erasure.counts).toMatchObject({ jobs: 1, usage_totals: 1, api_keys: 1 });
    expect((await api.fetch('/v1/models', { headers: { authorization } })).status).toBe(401);
    const keys = await (await api.fetch('/api/admin/keys', { headers })).text();
    expect(keys).toContain(key.id);
    expect(keys).not.toContain('Ann Example');
  });

  it('refuses what names no subject, or two, and notes that somebody tried', async () => {
    for (const body of [{}, { user: '' }, { user: 'bob', key_id: 'key_1' }, { key: 'key_1' }]) {
      const response = await post('gdpr/erase', body);
      expect(await errorOf(response), JSON.stringify(body)).toMatchObject({ status: 400, code: 'invalid_value' });
    }
    expect((await audit()).at(-2)).toMatchObject({
      action: 'gdpr.erase',
      result: 'failure',
      error_code: 'invalid_value',
    });
  });
});
