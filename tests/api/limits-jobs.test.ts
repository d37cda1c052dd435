/** Limits of keys and jobs: what a job holds from its beginning, what it is charged, and what costs nothing. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Job } from '../../backend/src/contract/jobs.ts';
import type { ApiKeyWithSecret, KeyLimits, KeyUsage } from '../../backend/src/contract/keys.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { wav } from '../support/wav.ts';
import { type Api, errorOf, eventually, type FormValues, json, startApi } from './start-api.ts';

let api: Api;
let pitch = 100;
beforeAll(async () => {
  api = await startApi({ env: { JOB_CONCURRENCY: '2', SYNC_MAX_SECONDS: '1', JOB_MAX_ATTEMPTS: '1' } });
});
afterAll(() => api.close());

/** A file that no other test has sent. */
const audio = (seconds: number) => {
  pitch += 1;
  return new File([wav(seconds, pitch)], 'speech.wav');
};
const asAdmin = { authorization: `Bearer ${ADMIN_KEY}` };

async function makeKey(limits: Partial<KeyLimits>, on: Api = api) {
  const body = JSON.stringify({ name: 'limited', limits });
  const { id, secret } = await json<ApiKeyWithSecret>(
    await on.fetch('/api/admin/keys', { method: 'POST', headers: asAdmin, body }),
  );
  const headers = { authorization: `Bearer ${secret}` };
  const transcribe = (values: FormValues, init: RequestInit = {}) => on.transcribe(values, { ...init, headers });
  const submit = (values: FormValues) => transcribe({ ...values, background: 'true' });
  const post = (path: string) => on.fetch(path, { method: 'POST', headers });
  return {
    transcribe,
    submit,
    cancel: (id: string) => post(`/v1/jobs/${id}/cancel`),
    accepted: async (values: FormValues) => {
      const response = await submit(values);
      expect(response.status).toBe(202);
      return json<Job>(response);
    },
    ended: (id: string) =>
      eventually(async () => {
        const job = await json<Job>(await on.fetch(`/v1/jobs/${id}`, { headers }));
        expect(['succeeded', 'failed', 'cancelled']).toContain(job.status);
        return job;
      }),
    today: async () => {
      const { running, today } = await json<KeyUsage>(
        await on.fetch(`/api/admin/keys/${id}/usage`, { headers: asAdmin }),
      );
      return { running, used: today.audio_seconds, held: today.reserved_seconds };
    },
  };
}

describe('a job', () => {
  it('holds its seconds from the beginning, and is charged them with its result', async () => {
    const key = await makeKey({ audio_seconds_per_day: 8 });
    const job = await key.accepted({ file: audio(5), prompt: 'sleep:300 seconds:5' });
    expect(await key.today()).toEqual({ running: 1, used: 0, held: 5 });
    expect(await errorOf(await key.submit({ file: audio(4) }))).toMatchObject({
      status: 429,
      code: 'insufficient_quota',
    });
    expect((await key.ended(job.id)).status).toBe('succeeded');
    expect(await key.today()).toEqual({ running: 0, used: 5, held: 0 });
  });

  it('that fails or is cancelled gives them back', async () => {
    const key = await makeKey({ audio_seconds_per_day: 5 });
    const failing = await key.accepted({ file: audio(5), prompt: 'unsupported' });
    expect((await key.ended(failing.id)).status).toBe('failed');
    const job = await key.accepted({ file: audio(5), prompt: 'sleep:30000' });
    expect(await key.today()).toMatchObject({ held: 5 });
    await key.cancel(job.id);
    expect(await key.today()).toEqual({ running: 0, used: 0, held: 0 });
  });

  it('takes a place until it is over', async () => {
    const key = await makeKey({ concurrent_jobs: 1 });
    const job = await key.accepted({ file: audio(1), prompt: 'sleep:30000' });
    for (const refused of [await key.submit({ file: audio(1) }), await key.transcribe({ file: audio(1) })]) {
      expect(await errorOf(refused)).toMatchObject({ status: 429, code: 'concurrency_limit_exceeded' });
    }
    await key.cancel(job.id);
    expect((await key.transcribe({ file: audio(1) })).status).toBe(200);
  });

  it('with a result that is there costs nothing, even when nothing is left', async () => {
    const key = await makeKey({ audio_seconds_per_day: 5, concurrent_jobs: 1 });
    const file = audio(5);
    const first = await key.accepted({ file, prompt: 'seconds:5' });
    await key.ended(first.id);
    expect(await key.today()).toEqual({ running: 0, used: 5, held: 0 });
    const again = await key.accepted({ file, prompt: 'seconds:5' });
    expect((await key.ended(again.id)).cached).toBe(true);
    expect((await key.transcribe({ file, prompt: 'seconds:5' })).status).toBe(200);
    expect(await key.today()).toEqual({ running: 0, used: 5, held: 0 });
    expect(await errorOf(await key.submit({ file: audio(1) }))).toMatchObject({ code: 'insufficient_quota' });
  });

  it("that waits for another's result holds nothing, and its own when it has to compute after all", async () => {
    const key = await makeKey({ audio_seconds_per_day: 5 });
    const values = { file: audio(5), prompt: 'windows:10:50 seconds:5' };
    const [first, second] = [await key.accepted(values), await key.accepted(values)];
    expect(await key.today()).toEqual({ running: 2, used: 0, held: 5 });
    await key.cancel(first.id);
    await eventually(async () => expect(await key.today()).toEqual({ running: 1, used: 0, held: 5 }));
    expect(await key.ended(second.id)).toMatchObject({ status: 'succeeded', cached: false });
    expect(await key.today()).toEqual({ running: 0, used: 5, held: 0 });
  });

  it('in a crowd cannot overrun them, nor can requests beside it', async () => {
    const key = await makeKey({ audio_seconds_per_day: 12 });
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        (index % 2 === 0 ? key.submit : key.transcribe)({ file: audio(2), prompt: 'sleep:50 seconds:2' }),
      ),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    // 408: it goes on as a job.
    const done = count(200) + count(202) + count(408);
    expect(done + count(429)).toBe(16);
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThanOrEqual(6);
    await eventually(async () => expect(await key.today()).toEqual({ running: 0, used: 2 * done, held: 0 }));
  });
});

describe('a request that becomes a job', () => {
  it('takes its place and its seconds along, and is charged once', async () => {
    const key = await makeKey({ audio_seconds_per_day: 5, concurrent_jobs: 1 });
    const response = await key.transcribe({ file: audio(5), prompt: 'windows:30:60 seconds:5' });
    const { error } = await json<{ error: { code: string; job_id: string } }>(response);
    expect(error.code).toBe('became_job');
    expect(await key.today()).toEqual({ running: 1, used: 0, held: 5 });
    expect((await key.ended(error.job_id)).status).toBe('succeeded');
    expect(await key.today()).toEqual({ running: 0, used: 5, held: 0 });
  });
});

describe('a caller who waits and leaves', () => {
  it('has had nothing, and pays nothing, however far the work was', async () => {
    // Where it does not become a job meanwhile.
    const patient = await startApi();
    onTestFinished(() => patient.close());
    const key = await makeKey({ audio_seconds_per_day: 5 }, patient);
    const stop = new AbortController();
    const request = key
      .transcribe({ file: audio(5), prompt: 'windows:1000:50 seconds:5' }, { signal: stop.signal })
      .catch(() => 'left');
    await eventually(async () => expect(await key.today()).toMatchObject({ held: 5 }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    stop.abort();
    expect(await request).toBe('left');
    await eventually(async () => expect(await key.today()).toEqual({ running: 0, used: 0, held: 0 }));
  });
});
