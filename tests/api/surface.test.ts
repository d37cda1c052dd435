/** E: keys, the model list, unknown routes, headers, CORS. */
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeCapture, encodeChunk, exchange, filePart, makeRequest } from '../support/wire-replay.ts';
import { type Api, errorOf, json, STUB_AUDIO, startApi, USER_KEY } from './start-api.ts';

describe('the OpenAI surface', () => {
  let api: Api;
  let anonymous: typeof fetch;
  beforeAll(async () => {
    api = await startApi({ env: { MODEL_ALIASES: 'whisper-1=fake/echo,fake/alias=fake/echo' } });
    // A header that is there, but empty, keeps the user key away.
    anonymous = (input, init = {}) => api.fetch(input, { ...init, headers: { authorization: '', ...init.headers } });
  });
  afterAll(() => api.close());

  it('E1 no key: 401 on every route that needs one', async () => {
    const routes = Object.entries(api.document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => ({ path: path.replace('{model}', 'fake/echo'), method: method.toUpperCase() })),
    );
    const closed = routes.filter(({ path }) => /^\/(v1|api)\//.test(path));
    expect(closed.length).toBeGreaterThanOrEqual(5);
    for (const { path, method } of closed) {
      const response = await anonymous(path, { method });
      expect(await errorOf(response), `${method} ${path}`).toEqual({
        status: 401,
        type: 'invalid_request_error',
        param: null,
        code: 'missing_api_key',
      });
    }
  });

  it('E1 no key: routes that do not exist tell strangers nothing else', async () => {
    for (const path of ['/v1/nope', '/v1', '/v1/models/none', '/api/nope', '/api']) {
      expect(await errorOf(await anonymous(path)), path).toMatchObject({ status: 401 });
    }
  });

  it('E1 no key: an upload of unknown size is answered at once', async () => {
    const request = makeRequest({ parts: [], chunked: true });
    const head = `${encodeCapture(request, { key: 'x' }, 'whole')[0]}`.replace(/Authorization: .*\r\n/, '');
    const part = Buffer.from(`--${request.boundary}\r\n${filePart('').head}\r\n\r\n`);
    const { responses } = await exchange(api.app.url, [head, encodeChunk(part)], { halfClose: true });
    expect(responses).toHaveLength(1);
    expect(responses[0]).toMatchObject({ status: 401 });
  });

  it('E2 a wrong key: 401, and the key is not given back', async () => {
    for (const key of ['sk-proj-0123456789abcdefghijklmnop', 'short', USER_KEY.slice(0, -1), `${USER_KEY}x`]) {
      const response = await api.fetch('/v1/models', { headers: { authorization: `Bearer ${key}` } });
      const text = await response.clone().text();
      expect(text).not.toContain(key);
      expect(await errorOf(response)).toEqual({
        status: 401,
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
      });
    }
    const client = new OpenAI({ baseURL: `${api.app.url}/v1`, apiKey: 'sk-wrong', maxRetries: 0 });
    const file = await toFile(STUB_AUDIO, 'a.wav');
    await expect(client.audio.transcriptions.create({ file, model: 'whisper-1' })).rejects.toBeInstanceOf(
      OpenAI.AuthenticationError,
    );
  });

  it('E4 the list of models', async () => {
    const body = await json<{ object: string; data: Record<string, unknown>[] }>(await api.fetch('/v1/models'));
    expect(body.object).toBe('list');
    expect(body.data.length).toBeGreaterThanOrEqual(2);
    for (const item of body.data) {
      expect(item).toMatchObject({ id: expect.any(String), object: 'model', owned_by: expect.stringMatching(/./) });
      expect(Number.isInteger(item.created)).toBe(true);
    }
    const page = await api.openai.models.list();
    expect(page.data.map(({ id }) => id)).toContain('fake/echo');
  });

  it('E5 one model, its slash encoded or raw, or by alias', async () => {
    const [raw, encoded, viaClient] = await Promise.all([
      api.fetch('/v1/models/fake/echo').then(json),
      api.fetch('/v1/models/fake%2Fecho').then(json),
      api.openai.models.retrieve('fake/echo'),
    ]);
    expect(raw).toMatchObject({ id: 'fake/echo', object: 'model', owned_by: 'fake' });
    expect(encoded).toEqual(raw);
    expect(viaClient).toEqual(raw);
    expect(await json(await api.fetch('/v1/models/whisper-1'))).toMatchObject({ id: 'whisper-1', object: 'model' });
    expect(await json(await api.fetch('/v1/models/fake%2Falias'))).toMatchObject({ id: 'fake/alias' });
  });

  it.each(['none', 'fake/none', 'fake', 'constructor', '__proto__', 'fake%2Fecho%2F', '..%2F..%2Fetc'])(
    'E6 the model %s does not exist',
    async (id) => {
      expect(await errorOf(await api.fetch(`/v1/models/${id}`))).toMatchObject({
        status: 404,
        type: 'invalid_request_error',
        code: 'model_not_found',
      });
    },
  );

  it.each([
    ['POST', '/v1/nope'],
    ['GET', '/v1/readyz'],
    ['GET', '/v1/test'],
    ['GET', '/v1'],
    ['POST', '/v1/audio/nope'],
    ['DELETE', '/nope'],
    ['GET', '/nope.html'],
  ])('E8 %s %s is a JSON 404', async (method, path) => {
    const response = await api.fetch(path, { method });
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await errorOf(response)).toMatchObject({ status: 404, code: 'unknown_url' });
  });

  it('E9 every answer has a request id of its own, which is the one the client shows', async () => {
    const ids = await Promise.all(
      ['/v1/models', '/v1/models', '/v1/nope', '/health', '/openapi.json'].map(async (path) => {
        const response = await api.fetch(path);
        return response.headers.get('x-request-id');
      }),
    );
    expect(new Set(ids).size).toBe(ids.length);

    const { data, response, request_id } = await api.openai.audio.transcriptions
      .create({ file: await toFile(STUB_AUDIO, 'a.wav'), model: 'whisper-1' })
      .withResponse();
    expect(request_id).toMatch(/^req_[0-9a-f]{32}$/);
    expect(request_id).toBe(response.headers.get('x-request-id'));
    expect(data).toHaveProperty('_request_id', request_id);
    await expect(api.openai.models.retrieve('none')).rejects.toMatchObject({
      requestID: expect.stringMatching(/^req_[0-9a-f]{32}$/),
    });
  });

  it('E9 answers carry the time they took', async () => {
    const response = await api.fetch('/v1/models');
    expect(response.headers.get('openai-processing-ms')).toMatch(/^\d+$/);
  });

  it('E10 a preflight from Obsidian is granted what it asks for', async () => {
    const response = await anonymous('/v1/audio/transcriptions', {
      method: 'OPTIONS',
      headers: {
        origin: 'app://obsidian.md',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,x-stainless-lang',
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('app://obsidian.md');
    expect(response.headers.get('access-control-allow-methods')).toContain('POST');
    expect(response.headers.get('access-control-allow-headers')).toBe('authorization,x-stainless-lang');
  });

  it('E10 the answer itself exposes its request id, errors included', async () => {
    const headers = { origin: 'app://obsidian.md' };
    for (const response of [
      await api.transcribe({}, { headers }),
      await api.transcribe({ model: 'no-such' }, { headers }),
      await anonymous('/v1/models', { headers }),
    ]) {
      expect(response.headers.get('access-control-allow-origin')).toBe('app://obsidian.md');
      expect(response.headers.get('access-control-expose-headers')).toMatch(/\bx-request-id\b/i);
    }
  });
});
