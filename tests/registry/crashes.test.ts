/** What a crash of the worker means for the requests in it, for the file that caused it, and for those that follow. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { modelState, whenModel } from '../support/model-state.ts';
import { postSpeech } from '../support/post-speech.ts';
import { startTestApp, type TestApp } from '../support/start-app.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

const fileOf = (text: string) => new TextEncoder().encode(text);
/** A name for the echo model's `once`. */
const mark = () => join(app.dir, randomUUID());
const eventsOf = (body: string) =>
  body
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame): Record<string, unknown> => JSON.parse(frame.slice('data: '.length)));

describe('a request whose worker crashes', () => {
  it('is tried once more by itself, and the caller notices nothing', async () => {
    const { pid } = modelState(app.registry).replica;
    const answer = await postSpeech(app.url, { prompt: `once:${mark()} signal:SIGKILL` });
    expect(answer).toMatchObject({ status: 200, text: '' });
    expect(modelState(app.registry).replica).toMatchObject({ state: 'ready', crashes_in_a_row: 0 });
    expect(modelState(app.registry).replica.pid).not.toBe(pid);
  });

  it('fails with worker_crashed when the second worker dies too, and the next request is served', async () => {
    const answer = await postSpeech(app.url, { prompt: 'signal:SIGKILL' });
    expect(answer).toMatchObject({ status: 500, error: { code: 'worker_crashed', type: 'server_error' } });
    expect((await postSpeech(app.url, { prompt: 'say:fine' })).text).toBe('fine');
  });

  it('is not tried again once the caller has some of its answer: the stream ends with the error', async () => {
    const prompt = `say:begun sleep:50 once:${mark()} signal:SIGKILL`;
    const answer = await postSpeech(app.url, { prompt, fields: { stream: 'true' } });
    expect(answer.status).toBe(200);
    const events = eventsOf(answer.body);
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({ type: 'transcript.text.delta', delta: 'begun' });
    expect(events[1]).toMatchObject({ error: { code: 'worker_crashed', type: 'server_error' } });
  });

  it('is tried again when deltas were made that nobody was sent', async () => {
    const answer = await postSpeech(app.url, { prompt: `say:part sleep:30 once:${mark()} signal:SIGKILL` });
    expect(answer).toMatchObject({ status: 200, text: 'part' });
  });

  it('is tried again in a stream that has not begun', async () => {
    const prompt = `once:${mark()} signal:SIGKILL`;
    const answer = await postSpeech(app.url, { prompt, fields: { stream: 'true' } });
    expect(eventsOf(answer.body)).toMatchObject([{ type: 'transcript.text.done' }]);
  });
});

describe('several requests in a worker that crashes', () => {
  it('one is to blame and fails, the others are served', async () => {
    const together = Array.from({ length: 5 }, (_, index) =>
      postSpeech(app.url, { prompt: `once:${mark()} sleep:600000`, audio: fileOf(`neighbour ${index}`) }),
    );
    await whenModel(app.registry, ({ replica }) => replica.in_flight === 5);
    const culprit = postSpeech(app.url, { prompt: 'signal:SIGSEGV', audio: fileOf('the culprit') });
    expect(await culprit).toMatchObject({ status: 500, error: { code: 'worker_crashed' } });
    const answers = await Promise.all(together);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    // Innocence was shown: a neighbour's file is as welcome as before.
    expect(await postSpeech(app.url, { audio: fileOf('neighbour 0') })).toMatchObject({ status: 200 });
  });

  it('requests that queue behind them are served, each once', async () => {
    const crowd = Array.from({ length: 30 }, (_, index) =>
      postSpeech(app.url, { prompt: `sleep:20 say:${index}`, audio: fileOf(`crowd ${index}`) }),
    );
    const culprit = postSpeech(app.url, { prompt: 'sleep:30 signal:SIGSEGV', audio: fileOf('another culprit') });
    expect(await culprit).toMatchObject({ status: 500, error: { code: 'worker_crashed' } });
    const answers = await Promise.all(crowd);
    expect(answers.map(({ text }) => text)).toEqual(crowd.map((_, index) => String(index)));
  });
});

describe('a file that crashed the worker twice while alone in it', () => {
  it.each(['signal:SIGSEGV', 'exit:1'])('by %s is refused from then on, also after a restart', async (order) => {
    const dir = await tempDir();
    const env = { DATA_DIR: join(dir, 'data') };
    const first = await startTestApp({ env });
    const bad = { prompt: order, audio: fileOf(`bad by ${order}`) };
    expect(await postSpeech(first.url, bad)).toMatchObject({ status: 500, error: { code: 'worker_crashed' } });
    expect(await postSpeech(first.url)).toMatchObject({ status: 200 });
    const { pid } = modelState(first.registry).replica;
    const refusal = { status: 400, error: { code: 'audio_quarantined', param: 'file' } };
    expect(await postSpeech(first.url, bad)).toMatchObject(refusal);
    // Not even harmless orders bring it into a worker.
    expect(await postSpeech(first.url, { audio: bad.audio })).toMatchObject(refusal);
    expect(modelState(first.registry).replica.pid).toBe(pid);
    const sameLength = { audio: fileOf(`bad by ${order}`.toUpperCase()) };
    expect(await postSpeech(first.url, sameLength)).toMatchObject({ status: 200 });
    await first.close();

    const second = await startTestApp({ env });
    onTestFinished(() => second.close());
    expect(await postSpeech(second.url, { audio: bad.audio })).toMatchObject(refusal);
    expect(await postSpeech(second.url, sameLength)).toMatchObject({ status: 200 });
  });

  it('is not what a SIGKILL from outside makes of it: that is an operator or the kernel', async () => {
    const audio = fileOf('innocent');
    for (let round = 0; round < 3; round += 1) {
      const begun = mark();
      const request = postSpeech(app.url, { prompt: `once:${begun} sleep:600000`, audio });
      await waitUntil('the worker has begun', () => existsSync(begun));
      process.kill(modelState(app.registry).replica.pid ?? 0, 'SIGKILL');
      expect(await request).toMatchObject({ status: 200 });
    }
  });
});

it('a worker that crashes again and again is started ever later, until a request succeeds', async () => {
  const own = await startTestApp();
  onTestFinished(() => own.close());
  const startedAt = performance.now();
  for (let request = 0; request < 2; request += 1) {
    expect(await postSpeech(own.url, { prompt: 'signal:SIGKILL' })).toMatchObject({ status: 500 });
  }
  expect(modelState(own.registry).replica).toMatchObject({ state: 'failed', crashes_in_a_row: 4 });
  expect(modelState(own.registry).replica.reason).toMatch(/ended 4 times in a row \(SIGKILL\)/);
  expect(await postSpeech(own.url, { prompt: 'say:up' })).toMatchObject({ status: 200, text: 'up' });
  // At once, then after 0.25 s, 0.5 s and 1 s.
  expect(performance.now() - startedAt).toBeGreaterThan(1_700);
  expect(modelState(own.registry).replica).toMatchObject({ state: 'ready', crashes_in_a_row: 0 });
});
