/** Jobs over HTTP, from the request to the result. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job, JobEvent } from '../../backend/src/contract/jobs.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { wav } from '../support/wav.ts';
import { type Api, errorOf, eventually, type FormValues, json, startApi } from './start-api.ts';

let api: Api;
let pitch = 100;
beforeAll(async () => {
  api = await startApi({ env: { JOB_CONCURRENCY: '2', SYNC_MAX_SECONDS: '1' } });
});
afterAll(() => api.close());

/** A file that no other test has sent. */
const audio = () => {
  pitch += 1;
  return new File([wav(1, pitch)], 'speech.wav');
};

function submit(values: FormValues = {}, headers: Record<string, string> = {}): Promise<Response> {
  return api.transcribe({ file: audio(), ...values }, { headers: { prefer: 'respond-async', ...headers } });
}

async function accepted(values: FormValues = {}, headers: Record<string, string> = {}): Promise<Job> {
  const response = await submit(values, headers);
  expect(response.status).toBe(202);
  return json<Job>(response);
}

const get = async (id: string) => json<Job>(await api.fetch(`/v1/jobs/${id}`));
const ended = (id: string) =>
  eventually(async () => {
    const job = await get(id);
    expect(['succeeded', 'failed', 'cancelled']).toContain(job.status);
    return job;
  });

describe('a job', () => {
  it('is accepted, worked on and kept, whichever way it is asked for', async () => {
    const response = await submit({ prompt: 'say:Hello' });
    expect(response.status).toBe(202);
    const job = await json<Job>(response);
    expect(response.headers.get('location')).toBe(`/v1/jobs/${job.id}`);
    expect(job).toMatchObject({ object: 'job', task: 'transcription', status: 'queued', model: 'fake/echo' });
    expect(job.queue).toMatchObject({ position: expect.any(Number) });
    expect(Math.abs(job.created_at - Date.now() / 1000)).toBeLessThan(10);
    const done = await ended(job.id);
    expect(done).toMatchObject({ status: 'succeeded', queue: null, error: null, cached: false });
    expect(done.artifacts.map(({ name }) => name).toSorted()).toEqual([
      'manifest.json',
      'result.json',
      'transcript.srt',
      'transcript.txt',
      'transcript.vtt',
    ]);
    expect(await json(await api.fetch(`/v1/jobs/${job.id}/result`))).toMatchObject({ text: 'Hello' });
    const asText = await api.fetch(`/v1/jobs/${job.id}/result?response_format=text`);
    expect(await asText.text()).toBe('Hello\n');

    const other = await api.transcribe({ file: audio(), prompt: 'say:field', background: 'true' });
    expect(other.status).toBe(202);
  });

  it('is refused at once where it could never be done', async () => {
    expect(await errorOf(await submit({ file: new File(['no audio'], 'a.wav') }))).toMatchObject({
      status: 400,
      code: 'unsupported_audio',
    });
    expect(await errorOf(await submit({ model: 'none' }))).toMatchObject({ status: 404, code: 'model_not_found' });
    for (const [field, value] of Object.entries({
      metadata: 'no object',
      priority: '1',
      background: 'perhaps',
      cache: 'maybe',
    })) {
      expect(await errorOf(await submit({ [field]: value }))).toMatchObject({ status: 400, param: field });
    }
  });

  it('fails with the error that its request would have had', async () => {
    const job = await accepted({ prompt: 'nonsense' });
    // An internal error may pass: it is tried again.
    await api.fetch(`/v1/jobs/${job.id}/cancel`, { method: 'POST' });
    expect(await errorOf(await api.fetch(`/v1/jobs/${job.id}/result`))).toMatchObject({
      status: 409,
      code: 'job_cancelled',
    });
  });

  it('goes on behind its last window when its worker is killed', async () => {
    const mark = join(app().dir, 'killed');
    const job = await accepted({ prompt: `windows:4:30 once:${mark} signal:SIGKILL`, response_format: 'verbose_json' });
    const done = await ended(job.id);
    expect(done.status).toBe('succeeded');
    const result = await json<{ text: string; segments: unknown[] }>(await api.fetch(`/v1/jobs/${job.id}/result`));
    expect(result.text).toBe(' w0 w1 w2 w3');
    const { events } = await eventsOf(job.id);
    const running = events.filter((event) => event.type === 'job.status' && event.status === 'running');
    expect(running.length).toBe(2);
    // Each window once: the second attempt began behind the last.
    expect(events.filter(({ type }) => type === 'job.progress')).toHaveLength(4);
  });

  it('is cancelled while it runs, at once', async () => {
    const job = await accepted({ prompt: 'windows:1000:20' });
    await eventually(async () => expect((await get(job.id)).progress.processed_seconds).toBeGreaterThan(0));
    const cancelled = await json<Job>(await api.fetch(`/v1/jobs/${job.id}/cancel`, { method: 'POST' }));
    expect(cancelled.status).toBe('cancelled');
    await eventually(() => expect(busy()).toBe(0));
    expect((await get(job.id)).status).toBe('cancelled');
    const again = await json<Job>(await api.fetch(`/v1/jobs/${job.id}/cancel`, { method: 'POST' }));
    expect(again.finished_at).toBe(cancelled.finished_at);
    const manifest = await json<object>(await api.fetch(`/v1/jobs/${job.id}/artifacts/manifest.json`));
    expect(manifest).toMatchObject({ cancelled: true, outputs: [], model: { id: 'fake/echo' } });
  });

  it('leaves nothing when it is deleted', async () => {
    const job = await accepted({ prompt: 'say:gone' });
    await ended(job.id);
    const answer = await api.fetch(`/v1/jobs/${job.id}`, { method: 'DELETE' });
    expect(await json(answer)).toEqual({ id: job.id, object: 'job', deleted: true });
    for (const path of ['', '/result', '/events', '/artifacts/result.json']) {
      expect(await errorOf(await api.fetch(`/v1/jobs/${job.id}${path}`))).toMatchObject({ status: 404 });
    }
  });
});

describe('the list of jobs', () => {
  it('is paged both ways, and filtered', async () => {
    const made: string[] = [];
    for (let i = 0; i < 5; i += 1) made.push((await accepted({ prompt: `say:${i}`, metadata: '{"list":"1"}' })).id);
    await Promise.all(made.map(ended));
    const page = async (query: string) =>
      json<{ data: Job[]; has_more: boolean; last_id: string | null }>(await api.fetch(`/v1/jobs?${query}`));
    const first = await page('limit=2');
    expect(first.data.map(({ id }) => id)).toEqual(made.slice(3).toReversed());
    expect(first.has_more).toBe(true);
    const next = await page(`limit=2&after=${first.last_id}`);
    expect(next.data.map(({ id }) => id)).toEqual(made.slice(1, 3).toReversed());
    const forward = await page(`limit=2&order=asc&after=${made[1]}`);
    expect(forward.data.map(({ id }) => id)).toEqual(made.slice(2, 4));
    expect((await page('status=queued,running')).data).toEqual([]);
    expect(await errorOf(await api.fetch('/v1/jobs?limit=0'))).toMatchObject({ status: 400, param: 'limit' });
    expect(await errorOf(await api.fetch('/v1/jobs?after=job_nope'))).toMatchObject({ status: 404 });
  });
});

describe('equal requests', () => {
  it('an Idempotency-Key stands for one job; another request under it is refused', async () => {
    const file = audio();
    const first = await accepted({ file, prompt: 'say:once' }, { 'idempotency-key': 'k1' });
    expect((await accepted({ file, prompt: 'say:once' }, { 'idempotency-key': 'k1' })).id).toBe(first.id);
    expect(await errorOf(await submit({ file, prompt: 'say:twice' }, { 'idempotency-key': 'k1' }))).toMatchObject({
      status: 400,
      code: 'idempotency_key_reused',
    });
    expect((await accepted({ file, prompt: 'say:once' }, { 'idempotency-key': 'k2' })).id).not.toBe(first.id);
  });

  it('are computed once: one after the other, at the same time, and for a caller who waits', async () => {
    const log = join(app().dir, 'runs');
    const file = audio();
    const values = { file, prompt: `append:${log} windows:3:100` };
    const jobs = await Promise.all([accepted(values), accepted(values), accepted(values)]);
    const done = await Promise.all(jobs.map(({ id }) => ended(id)));
    expect(done.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(done.filter(({ cached }) => cached)).toHaveLength(2);
    const later = await accepted(values);
    expect(later).toMatchObject({ status: 'succeeded', cached: true });
    const waited = await api.transcribe(values);
    expect(await json(waited)).toMatchObject({ text: ' w0 w1 w2' });
    expect(await readFile(log, 'utf8')).toBe('run\n');
    const fresh = await accepted({ ...values, cache: 'false' });
    expect((await ended(fresh.id)).cached).toBe(false);
    expect(await readFile(log, 'utf8')).toBe('run\nrun\n');
  });

  it('when the one that computes is cancelled, the next one computes', async () => {
    const file = audio();
    const values = { file, prompt: 'windows:40:50' };
    const [first, second, third] = [await accepted(values), await accepted(values), await accepted(values)];
    await api.fetch(`/v1/jobs/${first?.id}/cancel`, { method: 'POST' });
    expect(await ended(second?.id ?? '')).toMatchObject({ status: 'succeeded', cached: false });
    expect(await ended(third?.id ?? '')).toMatchObject({ status: 'succeeded', cached: true });
  });
});

describe('a request that takes too long', () => {
  it('goes on as a job, and an equal request joins it', async () => {
    const file = audio();
    const values = { file, prompt: 'windows:30:60' };
    const response = await api.transcribe(values);
    expect(response.status).toBe(408);
    expect(response.headers.get('x-should-retry')).toBe('false');
    const { error } = await json<{ error: { code: string; job_id: string } }>(response);
    expect(error.code).toBe('became_job');
    expect(response.headers.get('location')).toBe(`/v1/jobs/${error.job_id}`);
    const again = await api.transcribe(values);
    expect([200, 408]).toContain(again.status);
    const done = await ended(error.job_id);
    expect(done.status).toBe('succeeded');
    const { events } = await eventsOf(error.job_id);
    // What was done before it became a job was not done again.
    expect(events.filter(({ type }) => type === 'job.progress').length).toBeLessThan(25);
    expect(await json(await api.transcribe(values))).toMatchObject({ text: expect.stringMatching(/^ w0 .* w29$/) });
  });
});

describe('audio seconds', () => {
  it('are held by a job, charged once when it is computed, and not at all when it is cached or cancelled', async () => {
    const admin = { authorization: `Bearer ${ADMIN_KEY}` };
    const body = JSON.stringify({ name: 'timed', limits: { audio_seconds_per_day: 3, concurrent_jobs: 2 } });
    const made = await api.fetch('/api/admin/keys', { method: 'POST', headers: admin, body });
    const { id, secret } = await json<{ id: string; secret: string }>(made);
    const own = { authorization: `Bearer ${secret}` };
    const send = (values: FormValues, headers = {}) =>
      api.transcribe({ file: audio(), ...values }, { headers: { ...own, ...headers } });
    const later = { prefer: 'respond-async' };
    const usage = async () => {
      const answer = await api.fetch(`/api/admin/keys/${id}/usage`, { headers: admin });
      const { today, running } = await json<{
        today: { audio_seconds: number; reserved_seconds: number };
        running: number;
      }>(answer);
      return [today.audio_seconds, today.reserved_seconds, running];
    };
    const over = async (job: Job) =>
      eventually(async () => {
        const found = await json<Job>(await api.fetch(`/v1/jobs/${job.id}`, { headers: own }));
        expect(found.finished_at).not.toBeNull();
      });

    // Begun for a caller who waits, ended as a job.
    const file = audio();
    const long = { file, prompt: 'windows:30:60' };
    const became = await send(long);
    expect(became.status).toBe(408);
    expect(await usage()).toEqual([0, 1, 1]);
    const [first] = (await json<{ data: Job[] }>(await api.fetch('/v1/jobs', { headers: own }))).data;
    if (first === undefined) throw new Error('no job');
    const cancelled = await json<Job>(await send({ prompt: 'sleep:60000' }, later));
    expect(await usage()).toEqual([0, 2, 2]);
    expect(await errorOf(await send({ prompt: 'say:no' }, later))).toMatchObject({
      code: 'concurrency_limit_exceeded',
    });
    await api.fetch(`/v1/jobs/${cancelled.id}/cancel`, { method: 'POST', headers: own });
    await over(first);
    expect(await usage()).toEqual([1, 0, 0]);
    const cached = await json<Job>(await send(long, later));
    expect(cached).toMatchObject({ status: 'succeeded', cached: true });
    expect(await usage()).toEqual([1, 0, 0]);
    expect((await send({ file: new File([wav(2.5)], 'a.wav') }, later)).status).toBe(429);
    await over(await json<Job>(await send({ prompt: 'say:2' }, later)));
    expect(await usage()).toEqual([2, 0, 0]);
  });
});

describe('artifacts', () => {
  it('come whole and in parts, as downloads', async () => {
    const job = await accepted({ prompt: 'say:0123456789' });
    const { artifacts } = await ended(job.id);
    const text = artifacts.find(({ name }) => name === 'transcript.txt');
    const whole = await api.fetch(text?.url ?? '');
    expect(await whole.text()).toBe('0123456789\n');
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': 'sandbox',
      'content-disposition': 'attachment; filename="transcript.txt"',
      etag: `"${text?.sha256}"`,
    });
    const part = async (headers: Record<string, string>) => {
      const response = await api.fetch(text?.url ?? '', { headers });
      return [response.status, response.headers.get('content-range'), await response.text()];
    };
    expect(await part({ range: 'bytes=2-4' })).toEqual([206, 'bytes 2-4/11', '234']);
    expect(await part({ range: 'bytes=-3' })).toEqual([206, 'bytes 8-10/11', '89\n']);
    expect(await part({ range: 'bytes=20-' })).toEqual([416, 'bytes */11', '']);
    expect(await part({ range: 'bytes=2-4', 'if-range': '"other"' })).toEqual([200, null, '0123456789\n']);
    expect(await part({ 'if-none-match': `"${text?.sha256}"` })).toEqual([304, null, '']);
    const manifest = await json<Record<string, unknown>>(await api.fetch(`/v1/jobs/${job.id}/artifacts/manifest.json`));
    expect(manifest).toMatchObject({ manifest_version: 1, input: { name: 'speech.wav' }, model: { id: 'fake/echo' } });
    for (const name of ['..%2fresult.json', 'other', '..%2f..%2f..%2fetc%2fpasswd']) {
      expect((await api.fetch(`/v1/jobs/${job.id}/artifacts/${name}`)).status).toBe(404);
    }
  });
});

describe('events', () => {
  it('tell everything, and go on behind the last one seen', async () => {
    const job = await accepted({ prompt: 'windows:3:20' });
    const { ids, events } = await eventsOf(job.id);
    expect(ids).toEqual(ids.map((_, i) => i + 1));
    expect(events[0]).toEqual({ type: 'job.status', status: 'queued', error: null });
    expect(events.at(-1)).toEqual({ type: 'job.status', status: 'succeeded', error: null });
    const progress = events.filter((event) => event.type === 'job.progress');
    expect(progress.map(({ segments }) => segments.map(({ text }) => text).join(''))).toEqual([' w0', ' w1', ' w2']);
    expect(progress.at(-1)).toMatchObject({ processed_seconds: 1, total_seconds: 1 });
    const rest = await eventsOf(job.id, { 'last-event-id': '3' });
    expect(rest.ids).toEqual(ids.slice(3));
  });
});

const app = () => api.app;
const busy = () => api.app.registry.describe('fake/echo')?.replicas[0]?.in_flight ?? 0;

async function eventsOf(id: string, headers: Record<string, string> = {}) {
  const response = await api.fetch(`/v1/jobs/${id}/events`, { headers });
  const frames = (await response.text()).split('\n\n').filter((frame) => frame.includes('data: '));
  const ids = frames.map((frame) => Number(/^id: (\d+)$/m.exec(frame)?.[1]));
  const events = frames.map((frame): JobEvent => JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? ''));
  return { ids, events };
}
