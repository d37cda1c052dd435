/** What a page needs of jobs: finding them, what became of each, what is there so far, another try, several at once. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AdminJob, Job, JobPartial, JobTrace } from '../../backend/src/contract/jobs.ts';
import type { ApiKeyWithSecret } from '../../backend/src/contract/keys.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { wav } from '../support/wav.ts';
import { type Api, errorOf, eventually, type FormValues, json, startApi } from './start-api.ts';

let api: Api;
let pitch = 100;
beforeAll(async () => {
  api = await startApi({ env: { JOB_CONCURRENCY: '2', JOB_MAX_ATTEMPTS: '1' } });
});
afterAll(() => api.close());

const asAdmin = { authorization: `Bearer ${ADMIN_KEY}` };

async function makeKey(body: object = {}) {
  const init = { method: 'POST', headers: asAdmin, body: JSON.stringify({ name: 'Alice', ...body }) };
  const { id, secret } = await json<ApiKeyWithSecret>(await api.fetch('/api/admin/keys', init));
  const headers = { authorization: `Bearer ${secret}` };
  const get = async <T = Job>(path: string) => json<T>(await api.fetch(path, { headers }));
  return {
    id,
    headers,
    get,
    post: (path: string, content?: object) =>
      api.fetch(path, { method: 'POST', headers, ...(content && { body: JSON.stringify(content) }) }),
    submit: async (values: FormValues = {}, name = 'speech.wav') => {
      pitch += 1;
      const file = new File([wav(1, pitch)], name);
      return json<Job>(await api.transcribe({ file, background: 'true', ...values }, { headers }));
    },
    reaches: (id: string, status: string) =>
      eventually(async () => {
        const job = await get(`/v1/jobs/${id}`);
        expect(job.status).toBe(status);
        return job;
      }),
  };
}
type Key = Awaited<ReturnType<typeof makeKey>>;

async function listed(key: Key, query: string): Promise<string[]> {
  const { data } = await key.get<{ data: Job[] }>(`/v1/jobs?${query}`);
  return data.map(({ id }) => id);
}

describe('the list', () => {
  it('finds jobs by text and by time', async () => {
    const key = await makeKey();
    const one = await key.submit({ metadata: '{"show":"Morning News"}' }, '50%_off.wav');
    const two = await key.submit({ metadata: '{"show":"Tennis"}' });
    expect(await listed(key, 'q=morning')).toEqual([one.id]);
    expect(await listed(key, `q=${encodeURIComponent('50%_O')}`)).toEqual([one.id]);
    // Signs of a pattern are text.
    expect(await listed(key, `q=${encodeURIComponent('5%off')}`)).toEqual([]);
    expect(await listed(key, `q=${encodeURIComponent('\\')}`)).toEqual([]);
    expect(await listed(key, `q=${two.id}`)).toEqual([two.id]);
    expect(await listed(key, `q=${two.id.slice(0, 16)}`)).toEqual([two.id]);
    expect(await listed(key, 'q=show')).toEqual([]);
    expect(await listed(key, `created_after=${one.created_at}`)).toEqual([two.id, one.id]);
    expect(await listed(key, `created_before=${one.created_at}`)).toEqual([]);
    expect(await listed(key, `created_after=${two.created_at + 60}`)).toEqual([]);
    const stranger = await makeKey();
    expect(await listed(stranger, 'q=morning')).toEqual([]);
    expect(await errorOf(await api.fetch('/v1/jobs?created_after=now'))).toMatchObject({ param: 'created_after' });
  });

  it('of admins has the jobs of all keys, with whose they are', async () => {
    const [alice, bob] = [await makeKey(), await makeKey({ name: 'Bob' })];
    const jobs = [await alice.submit(), await bob.submit()];
    const read = async (query: string) =>
      (await json<{ data: AdminJob[] }>(await api.fetch(`/api/admin/jobs?${query}`, { headers: asAdmin }))).data;
    const all = await read('limit=2');
    expect(all.map(({ id, key }) => [id, key.id, key.name])).toEqual([
      [jobs[1]?.id, bob.id, 'Bob'],
      [jobs[0]?.id, alice.id, 'Alice'],
    ]);
    expect((await read(`key=${alice.id}`)).map(({ id }) => id)).toEqual([jobs[0]?.id]);
    expect((await read(`limit=1&after=${jobs[1]?.id}`)).map(({ id }) => id)).toEqual([jobs[0]?.id]);
    // A caller who names another key is no admin.
    expect(await listed(alice, `key=${bob.id}`)).toEqual([jobs[0]?.id]);
    const one = await api.fetch(`/api/admin/jobs/${jobs[0]?.id}`, { headers: asAdmin });
    expect(await json(one)).toMatchObject({ id: jobs[0]?.id, key: { id: alice.id, name: 'Alice' } });
  });
});

describe('a job', () => {
  it('says what was asked, what became of it when and where, and has a rev that grows', async () => {
    const key = await makeKey();
    const job = await key.submit({ prompt: 'windows:2:20' }, 'talk.wav');
    const done = await key.reaches(job.id, 'succeeded');
    expect(done.rev).toBeGreaterThan(job.rev);
    expect(done).toMatchObject({ attempts: 1, input: { name: 'talk.wav', bytes: 32_044, available: true } });
    const trace = await key.get<JobTrace>(`/v1/jobs/${job.id}/trace`);
    expect(trace).toMatchObject({
      job_id: job.id,
      rev: done.rev,
      request: { params: { prompt: 'windows:2:20' } },
      attempts: [{ number: 1, outcome: 'succeeded', devices: ['cpu'] }],
    });
    expect(trace.stages.map(({ name, device }) => [name, device])).toEqual([
      ['queued', null],
      ['preparing', null],
      ['transcription', 'cpu'],
    ]);
    expect(trace.stages.every(({ seconds }) => seconds !== null && seconds >= 0)).toBe(true);
    expect(trace.stages[2]?.seconds).toBeGreaterThanOrEqual(0.04);
  });

  it('keeps every window that was finished before it failed, however slow the database is', async () => {
    const key = await makeKey();
    const database = new Client({ connectionString: api.app.databaseUrl });
    await database.connect();
    onTestFinished(() => database.end());
    await database.query('begin; lock table job_windows in share row exclusive mode');
    const job = await key.submit({ prompt: `windows:3:1 once:${join(api.app.dir, `nowhere-${pitch}`)}/file` });
    await eventually(async () => {
      const { rows } = await database.query(
        `select 1 from pg_locks where relation = 'job_windows'::regclass and not granted`,
      );
      expect(rows).not.toEqual([]);
    });
    // The attempt is over by now, and its first window still being written.
    await sleep(300);
    await database.query('commit');
    await key.reaches(job.id, 'failed');
    expect(await key.get(`/v1/jobs/${job.id}/partial`)).toMatchObject({ text: 'w0 w1 w2', processed_seconds: 1 });
  });

  it('shows its text while it runs, and when it failed; another try goes on behind that', async () => {
    const key = await makeKey();
    const folder = join(api.app.dir, `later-${pitch}`);
    // Fails for as long as the folder is missing, and is done once the file is there.
    const job = await key.submit({ prompt: `windows:2:50 once:${folder}/file` });
    const partial = () => key.get<JobPartial>(`/v1/jobs/${job.id}/partial`);
    await eventually(async () => expect(await partial()).toMatchObject({ text: 'w0 w1' }));
    const failed = await key.reaches(job.id, 'failed');
    expect(await partial()).toMatchObject({
      status: 'failed',
      text: 'w0 w1',
      segments: [
        { start: 0, end: 0.5, text: ' w0' },
        { start: 0.5, end: 1, text: ' w1' },
      ],
      processed_seconds: 1,
      rev: failed.rev,
    });
    await mkdir(folder);
    await writeFile(join(folder, 'file'), '');
    const again = await json<Job>(await key.post(`/v1/jobs/${job.id}/retry`));
    expect(again).toMatchObject({ id: job.id, error: null, finished_at: null });
    expect(again.rev).toBeGreaterThan(failed.rev);
    const done = await key.reaches(job.id, 'succeeded');
    expect(done.attempts).toBe(failed.attempts + 1);
    const events = await (await api.fetch(`/v1/jobs/${job.id}/events`, { headers: key.headers })).text();
    expect(events.match(/"type":"job.progress"/g)).toHaveLength(2);
    expect(await key.get(`/v1/jobs/${job.id}/result`)).toMatchObject({ text: ' w0 w1' });
    expect(await partial()).toMatchObject({ status: 'succeeded', text: 'w0 w1' });
    expect(done.artifacts.map(({ name }) => name)).toContain('result.json');
    const { attempts } = await key.get<JobTrace>(`/v1/jobs/${job.id}/trace`);
    expect(attempts.map(({ outcome }) => outcome)).toEqual([
      ...attempts.slice(0, -2).map(() => 'queued'),
      'failed',
      'succeeded',
    ]);
  });

  it('that was cancelled is done after all when it is retried; one that is not over, or succeeded, is not', async () => {
    const key = await makeKey({ limits: { concurrent_jobs: 1 } });
    const job = await key.submit({ prompt: 'sleep:600 say:done' });
    expect(await errorOf(await key.post(`/v1/jobs/${job.id}/retry`))).toMatchObject({
      status: 409,
      code: 'job_not_retryable',
    });
    await key.post(`/v1/jobs/${job.id}/cancel`);
    // Under the limits of its key.
    const other = await key.submit({ prompt: 'sleep:30000' });
    expect(await errorOf(await key.post(`/v1/jobs/${job.id}/retry`))).toMatchObject({ status: 429 });
    expect(await key.get(`/v1/jobs/${job.id}`)).toMatchObject({ status: 'cancelled' });
    await key.post(`/v1/jobs/${other.id}/cancel`);
    expect((await key.post(`/v1/jobs/${job.id}/retry`)).status).toBe(200);
    await key.reaches(job.id, 'succeeded');
    expect(await key.get(`/v1/jobs/${job.id}/result`)).toMatchObject({ text: 'done' });
    expect(await errorOf(await key.post(`/v1/jobs/${job.id}/retry`))).toMatchObject({ code: 'job_not_retryable' });
  });

  it('is retried within the scopes that its key has now', async () => {
    const key = await makeKey();
    const job = await key.submit({ prompt: 'sleep:30000' });
    await key.post(`/v1/jobs/${job.id}/cancel`);
    const body = JSON.stringify({ scopes: { tasks: ['diarization'] } });
    await api.fetch(`/api/admin/keys/${key.id}`, { method: 'PATCH', headers: asAdmin, body });
    expect(await errorOf(await key.post(`/v1/jobs/${job.id}/retry`))).toMatchObject({ code: 'insufficient_scope' });
  });
});

describe('a job of several stages', () => {
  it('keeps the transcript when the diarization failed, which alone is done again', async () => {
    const closed = await startApi({ env: { AUTO_DOWNLOAD_MODELS: 'false' } });
    onTestFinished(() => closed.close());
    const values = {
      file: new File([wav(1, 99)], 'a.wav'),
      prompt: 'windows:2:20',
      diarize: 'true',
      // Not one of those that ship with the gateway.
      diarization_model: 'pyannote-3.1',
      background: 'true',
    };
    const job = await json<Job>(await closed.transcribe(values));
    const failed = (attempts: number) =>
      eventually(async () => {
        const now = await json<Job>(await closed.fetch(`/v1/jobs/${job.id}`));
        expect(now).toMatchObject({ status: 'failed', attempts, error: { code: 'model_not_downloaded' } });
      });
    await failed(1);
    const partial = async () => json<JobPartial>(await closed.fetch(`/v1/jobs/${job.id}/partial`));
    expect(await partial()).toMatchObject({ status: 'failed', text: 'w0 w1' });
    expect((await closed.fetch(`/v1/jobs/${job.id}/retry`, { method: 'POST' })).status).toBe(200);
    await failed(2);
    expect(await partial()).toMatchObject({ text: 'w0 w1' });
    const events = await (await closed.fetch(`/v1/jobs/${job.id}/events`)).text();
    expect(events.match(/"type":"job.progress"/g)).toHaveLength(2);
  });
});

describe('several jobs', () => {
  it('are cancelled, retried and deleted together; what cannot be says so', async () => {
    const [key, stranger] = [await makeKey(), await makeKey()];
    const jobs = [await key.submit({ prompt: 'sleep:30000' }), await key.submit({ prompt: 'sleep:30000' })];
    const foreign = await stranger.submit({ prompt: 'sleep:30000' });
    const ids = [...jobs, foreign].map(({ id }) => id);
    const act = async (action: string) => {
      const { data } = await json<{ data: { id: string; error: { code: string } | null }[] }>(
        await key.post('/v1/jobs/bulk', { action, ids }),
      );
      expect(data.map(({ id }) => id)).toEqual(ids);
      return data.map(({ error }) => error?.code ?? 'done');
    };
    expect(await act('retry')).toEqual(['job_not_retryable', 'job_not_retryable', 'job_not_found']);
    expect(await act('cancel')).toEqual(['done', 'done', 'job_not_found']);
    expect(await act('retry')).toEqual(['done', 'done', 'job_not_found']);
    expect(await act('delete')).toEqual(['done', 'done', 'job_not_found']);
    expect(await listed(key, '')).toEqual([]);
    // An admin may, and it is noted who.
    const body = JSON.stringify({ action: 'delete', ids: [foreign.id] });
    await api.fetch('/api/admin/jobs/bulk', { method: 'POST', headers: asAdmin, body });
    expect(await listed(stranger, '')).toEqual([]);
    const audit = await (await api.fetch('/api/admin/audit', { headers: asAdmin })).text();
    const rows = audit
      .trimEnd()
      .split('\n')
      .map((line): Record<string, string> => JSON.parse(line));
    expect(rows.find(({ action, subject }) => action === 'job.delete' && subject === foreign.id)).toMatchObject({
      actor: expect.stringMatching(/^env_/),
      result: 'success',
    });
  });
});
