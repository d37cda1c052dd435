/** How many requests a model takes at a time, and for how long. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelState, whenModel } from '../support/model-state.ts';
import { postSpeech, type SpeechAnswer } from '../support/post-speech.ts';
import { isAlive } from '../support/processes.ts';
import { startTestApp, type TestApp } from '../support/start-app.ts';

/** The echo model's `concurrency`. */
const CONCURRENCY = 8;

/** Fills the model with requests that end when `leave` is called. */
async function occupy(app: TestApp, count: number): Promise<{ leave(): Promise<void> }> {
  const controller = new AbortController();
  const all = Array.from({ length: count }, () =>
    postSpeech(app.url, { prompt: 'sleep:600000', signal: controller.signal }).catch(() => {}),
  );
  await whenModel(app.registry, ({ replica }) => replica.in_flight === count);
  return {
    leave: async () => {
      controller.abort();
      await Promise.all(all);
    },
  };
}

function expectOverloaded(answer: SpeechAnswer): void {
  expect(answer).toMatchObject({
    status: 503,
    error: { code: 'server_is_overloaded', type: 'service_unavailable_error' },
  });
  expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
}

describe('the queue of a model', () => {
  it('with MAX_QUEUE_PER_REPLICA=0 refuses what the model cannot begin at once', async () => {
    const app = await startTestApp({ env: { MAX_QUEUE_PER_REPLICA: '0' } });
    try {
      const { leave } = await occupy(app, CONCURRENCY);
      expectOverloaded(await postSpeech(app.url));
      await leave();
      await whenModel(app.registry, ({ replica }) => replica.in_flight === 0);
      expect((await postSpeech(app.url)).status).toBe(200);
    } finally {
      await app.close();
    }
  });

  it('with MAX_QUEUE_PER_REPLICA=1 lets one wait, which is served when there is room', async () => {
    const app = await startTestApp({ env: { MAX_QUEUE_PER_REPLICA: '1' } });
    try {
      const { leave } = await occupy(app, CONCURRENCY);
      const waiting = postSpeech(app.url, { prompt: 'say:patience' });
      await whenModel(app.registry, ({ replica }) => replica.queued === 1);
      expectOverloaded(await postSpeech(app.url));
      await leave();
      expect(await waiting).toMatchObject({ status: 200, text: 'patience' });
    } finally {
      await app.close();
    }
  });

  it('is left by a client that goes away while it waits', async () => {
    const app = await startTestApp({ env: { MAX_QUEUE_PER_REPLICA: '1' } });
    try {
      const { leave } = await occupy(app, CONCURRENCY);
      const controller = new AbortController();
      const impatient = postSpeech(app.url, { signal: controller.signal }).catch(() => 'gone');
      await whenModel(app.registry, ({ replica }) => replica.queued === 1);
      controller.abort();
      expect(await impatient).toBe('gone');
      await whenModel(app.registry, ({ replica }) => replica.queued === 0);
      await leave();
    } finally {
      await app.close();
    }
  });
});

describe('the time of a request', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ env: { REQUEST_TIMEOUT_SECONDS: '1' } });
    await postSpeech(app.url);
  });
  afterAll(() => app.close());

  it('ends after REQUEST_TIMEOUT_SECONDS: the caller is told not to repeat it, the worker is free again', async () => {
    const { pid } = modelState(app.registry).replica;
    const answer = await postSpeech(app.url, { prompt: 'sleep:600000' });
    expect(answer).toMatchObject({ status: 504, error: { code: 'request_timeout' } });
    expect(answer.headers.get('x-should-retry')).toBe('false');
    expect(modelState(app.registry).replica).toMatchObject({ state: 'ready', pid, in_flight: 0, queued: 0 });
    expect(await postSpeech(app.url, { prompt: 'say:next' })).toMatchObject({ status: 200, text: 'next' });
  });

  it('in a stream that has begun, ends with the error as its last event', async () => {
    const answer = await postSpeech(app.url, { prompt: 'say:begun sleep:600000', fields: { stream: 'true' } });
    expect(answer.status).toBe(200);
    const events = answer.body.split('\n\n').filter(Boolean);
    expect(events.at(0)).toContain('"delta":"begun"');
    expect(events.at(-1)).toContain('"request_timeout"');
  });
});

it('a worker that ignores a cancel is killed after a grace; what else was in it is tried again', async () => {
  const app = await startTestApp();
  try {
    const leaving = new AbortController();
    const deaf = postSpeech(app.url, { prompt: 'deaf sleep:600000', signal: leaving.signal }).catch(() => 'gone');
    const neighbour = postSpeech(app.url, { prompt: `once:${join(app.dir, 'mark')} sleep:600000` });
    const { replica } = await whenModel(app.registry, ({ replica }) => replica.in_flight === 2);
    leaving.abort();
    expect(await deaf).toBe('gone');
    expect(await neighbour).toMatchObject({ status: 200 });
    expect(isAlive(replica.pid ?? 0)).toBe(false);
  } finally {
    await app.close();
  }
});
