/** One line per request, with what an operator looks for. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, eventually, startApi, USER_KEY } from '../api/start-api.ts';
import { encodeCapture, exchange, filePart, makeRequest } from '../support/wire-replay.ts';

type Line = Record<string, unknown>;

describe('the log', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ env: { MAX_FILE_SIZE_MB: '1', MODEL_ALIASES: 'whisper-1=fake/echo' } });
  });
  afterAll(() => api.close());

  const lines = async (): Promise<Line[]> => {
    const log = await readFile(join(api.app.dir, 'logs', 'gateway.log'), 'utf8');
    return log
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  };
  /** The line of a request, and that there is only one; the file is written a moment after the answer. */
  const lineOf = (id: string | null | undefined) =>
    eventually(async () => {
      const own = (await lines()).filter(({ message, request_id }) => message === 'request' && request_id === id);
      expect(own).toHaveLength(1);
      return own[0];
    });
  const lineFor = (response: Response) => lineOf(response.headers.get('x-request-id'));

  it('has a line for a transcription: who, what, how long', async () => {
    const line = await lineFor(await api.transcribe({ model: 'whisper-1', prompt: 'sleep:30' }));
    expect(line).toEqual({
      level: 'info',
      message: 'request',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      method: 'POST',
      route: '/v1/audio/transcriptions',
      status: 200,
      ms: expect.any(Number),
      request_id: expect.stringMatching(/^req_/),
      key_id: expect.stringMatching(/^env_[0-9a-f]{16}$/),
      address: '127.0.0.1',
      model: 'whisper-1',
      audio_seconds: 1,
    });
    expect(line?.ms).toBeGreaterThanOrEqual(29);
  });

  it('has one for a stream too', async () => {
    const response = await api.transcribe({ stream: 'true', prompt: 'say:hello' });
    await response.text();
    expect(await lineFor(response)).toMatchObject({ status: 200, model: 'fake/echo', audio_seconds: 1 });
  });

  it('has one for each refusal, with its code', async () => {
    const refusals: [Promise<Response>, number, string, string][] = [
      [api.fetch('/v1/models', { headers: { authorization: '' } }), 401, 'missing_api_key', '/v1/models'],
      [api.fetch('/v1/nope'), 404, 'unknown_url', '/v1/nope'],
      [api.fetch('/api/admin/models'), 403, 'admin_key_required', '/api/admin/models'],
      [api.fetch('/health', { method: 'PUT' }), 405, 'method_not_allowed', '/health'],
      [api.transcribe({ model: 'no-such' }), 404, 'model_not_found', '/v1/audio/transcriptions'],
      [api.transcribe({ temperature: 'hot' }), 400, 'invalid_value', '/v1/audio/transcriptions'],
    ];
    for (const [answer, status, error_code, route] of refusals) {
      expect(await lineFor(await answer)).toMatchObject({ level: 'info', status, error_code, route });
    }
  });

  it('says why the server failed, which the caller is not told', async () => {
    const response = await api.transcribe({ prompt: 'no-such-order' });
    expect(await response.text()).not.toContain('no-such-order');
    await lineFor(response);
    const id = response.headers.get('x-request-id');
    const failure = (await lines()).find(({ level, request_id }) => level === 'error' && request_id === id);
    expect(JSON.stringify(failure)).toContain('no-such-order');
  });

  it('has the status a client got that was still sending, not 499', async () => {
    const request = makeRequest({ parts: [filePart(Buffer.alloc(3 * 2 ** 20))] });
    for (const [key, status] of [
      [USER_KEY, 413],
      ['sk-wrong', 401],
    ] as const) {
      const pieces = encodeCapture(request, { key }, { every: 2 ** 19 });
      const { responses } = await exchange(api.app.url, pieces, { untilAnswered: true });
      expect(await lineOf(responses[0]?.headers.get('x-request-id'))).toMatchObject({ status });
    }
  });

  it('has 499 for a client that left', async () => {
    const stop = new AbortController();
    const answer = api.transcribe({ model: 'whisper-1', prompt: 'sleep:20000' }, { signal: stop.signal });
    await eventually(() => expect(api.app.registry.describe('fake/echo')?.replicas[0]?.in_flight).toBe(1));
    stop.abort();
    await expect(answer).rejects.toThrow();
    await eventually(async () => {
      expect((await lines()).filter(({ status }) => status === 499)).toEqual([
        expect.objectContaining({ message: 'request', route: '/v1/audio/transcriptions', model: 'whisper-1' }),
      ]);
    });
  });

  it('has no query and no prompt', async () => {
    await lineFor(await api.fetch('/v1/models?note=private-thing'));
    await lineFor(await api.transcribe({ prompt: 'say:private-thing' }));
    expect(JSON.stringify(await lines())).not.toContain('private-thing');
  });

  it('has a line for a request that is no HTTP', async () => {
    const { responses } = await exchange(api.app.url, ['NOT HTTP\r\n\r\n']);
    const id = responses[0]?.headers.get('x-request-id');
    await eventually(async () => {
      expect(await lines()).toContainEqual(expect.objectContaining({ request_id: id, status: 400 }));
    });
  });
});

describe("a caller's address", () => {
  const FORWARDED = '203.0.113.7, 198.51.100.8';
  it.each([
    ['false', '127.0.0.1'],
    ['0', '127.0.0.1'],
    ['1', '198.51.100.8'],
    ['2', '203.0.113.7'],
    ['10.0.0.0/8', '127.0.0.1'],
    ['loopback', '198.51.100.8'],
    ['127.0.0.1, 198.51.100.0/24', '203.0.113.7'],
  ])('with TRUST_PROXY=%s is %s', async (value, address) => {
    const api = await startApi({ env: { TRUST_PROXY: value } });
    try {
      await api.fetch('/v1/models', { headers: { 'x-forwarded-for': FORWARDED } });
      await eventually(async () => {
        const log = await readFile(join(api.app.dir, 'logs', 'gateway.log'), 'utf8');
        const line = log.split('\n').find((text) => text.includes('/v1/models'));
        expect(JSON.parse(line ?? '{}')).toMatchObject({ address });
      });
    } finally {
      await api.close();
    }
  });
});
