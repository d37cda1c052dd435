/** D: server-sent events, and what becomes of them when the worker dies. */
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SILENT_MODEL_LIST } from './silent-model.ts';
import { type Api, errorOf, eventually, json, STUB_AUDIO, startApi } from './start-api.ts';

interface StreamEvent {
  type?: string;
  delta?: string;
  text?: string;
  error?: { code: string };
}

/** Every frame of an answer: `data: <json>`, and nothing else. */
async function eventsOf(response: Response): Promise<StreamEvent[]> {
  const body = await response.text();
  expect(body.endsWith('\n\n')).toBe(true);
  return body
    .trimEnd()
    .split('\n\n')
    .map((frame) => {
      expect(frame).toMatch(/^data: \{.*\}$/);
      return JSON.parse(frame.slice('data: '.length));
    });
}

const delta = (text: string) => ({ type: 'transcript.text.delta', delta: text });
const done = (text: string) => ({ type: 'transcript.text.done', text });

describe('streaming', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.close());

  const request = async (prompt: string) => ({
    file: await toFile(STUB_AUDIO, 'a.wav'),
    model: 'fake/echo',
    prompt,
    stream: true as const,
  });
  const workerPid = async () => {
    const response = await api.fetch('/api/admin/models', {
      headers: { authorization: `Bearer ${api.app.adminKey}` },
    });
    const { data } = await json<{ data: { id: string; replicas: { pid: number | null }[] }[] }>(response);
    const pid = data.find(({ id }) => id === 'fake/echo')?.replicas[0]?.pid;
    if (pid === undefined || pid === null) throw new Error('the worker does not run');
    return pid;
  };

  it.each(['true', '1'])('D1 stream=%s: deltas as they come, then one done, then the end', async (stream) => {
    const response = await api.transcribe({ stream, prompt: 'say:one sleep:50 say:,two' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(response.headers.get('cache-control')).toMatch(/no-cache/);
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(await eventsOf(response)).toEqual([delta('one'), delta(',two'), done('one,two')]);
  });

  it.each(['false', '0', 'null', ''])('D1 stream=%s is an ordinary answer', async (stream) => {
    const response = await api.transcribe({ stream, prompt: 'say:one' });
    expect(await json(response)).toMatchObject({ text: 'one' });
  });

  it('D1 a delta arrives before the transcription is over', async () => {
    const response = await api.transcribe({ stream: 'true', prompt: 'say:early sleep:10000' });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toBe(`data: ${JSON.stringify(delta('early'))}\n\n`);
    // The client leaves; the worker must not sleep on.
    await reader?.cancel();
    await eventually(async () => {
      const { replicas } = api.app.registry.describe('fake/echo') ?? {};
      expect(replicas?.[0]).toMatchObject({ in_flight: 0, state: 'ready' });
    });
  });

  it('D1 nothing to say: one done with an empty text', async () => {
    expect(await eventsOf(await api.transcribe({ stream: 'true' }))).toEqual([done('')]);
  });

  it('D2 the OpenAI client iterates typed events to the end', async () => {
    const events: unknown[] = [];
    for await (const event of await api.openai.audio.transcriptions.create(await request('say:one say:,two'))) {
      events.push(event);
    }
    expect(events).toEqual([delta('one'), delta(',two'), done('one,two')]);
  });

  it('D2 leaving the iterator cancels the work', async () => {
    for await (const event of await api.openai.audio.transcriptions.create(await request('say:one sleep:10000'))) {
      expect(event).toEqual(delta('one'));
      break;
    }
    await eventually(() => {
      expect(api.app.registry.describe('fake/echo')?.replicas[0]).toMatchObject({ in_flight: 0 });
    });
  });

  it('D5 a bad model is an HTTP error, not a stream', async () => {
    const response = await api.transcribe({ stream: 'true', model: 'no-such' });
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await errorOf(response)).toMatchObject({ status: 404, code: 'model_not_found' });
    const wrong = { ...(await request('')), model: 'no-such' };
    await expect(api.openai.audio.transcriptions.create(wrong)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it('D5 so is a failure before the first event', async () => {
    const response = await api.transcribe({ stream: 'true', prompt: 'no-such-order' });
    expect(await errorOf(response)).toMatchObject({ status: 500, type: 'server_error' });
  });

  it('D6 the worker dies amid a stream: an error event, then the end', async () => {
    const response = await api.transcribe({ stream: 'true', prompt: 'say:hello signal:SIGKILL' });
    expect(response.status).toBe(200);
    const [first, last, ...rest] = await eventsOf(response);
    expect(first).toEqual(delta('hello'));
    expect(last).toMatchObject({ error: { type: 'server_error', code: 'worker_crashed', param: null } });
    expect(rest).toEqual([]);
  });

  it('D6 the OpenAI client raises APIError when the worker is killed from outside', async () => {
    const stream = await api.openai.audio.transcriptions.create(await request('say:hello sleep:20000'));
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const event of stream) {
        seen.push(event);
        process.kill(await workerPid(), 'SIGKILL');
      }
    })();
    const error: unknown = await reading.catch((reason: unknown) => reason);
    expect(seen).toEqual([delta('hello')]);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ code: 'worker_crashed', type: 'server_error', status: undefined });
  });

  it('D6 afterwards the model serves again, and the server never stopped', async () => {
    expect((await api.transcribe({ stream: 'true', prompt: 'say:back' })).status).toBe(200);
    expect((await api.fetch('/health/live')).status).toBe(200);
  });
});

describe('streaming from a model that cannot stream', () => {
  it('D3 its text comes as one delta and one done', async () => {
    const api = await startApi({
      modelListUrl: SILENT_MODEL_LIST,
      env: { MODEL_ALIASES: 'whisper-1=fake/silent' },
    });
    onTestFinished(() => api.close());
    const request = { file: await toFile(STUB_AUDIO, 'a.wav'), model: 'whisper-1', stream: true as const };
    const events: unknown[] = [];
    for await (const event of await api.openai.audio.transcriptions.create(request)) events.push(event);
    expect(events).toEqual([delta('all at once'), done('all at once')]);
  });
});
