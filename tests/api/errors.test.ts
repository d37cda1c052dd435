/** C: requests that must fail, and how. */
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';
import {
  encodeCapture,
  encodeChunk,
  exchange,
  field,
  filePart,
  makeRequest,
  type RawResponse,
} from '../support/wire-replay.ts';
import { type Api, errorOf, STUB_AUDIO, startApi, USER_KEY } from './start-api.ts';

const MIB = 2 ** 20;
const LIMIT = 25 * MIB;

describe('errors', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ env: { MAX_FILE_SIZE_MB: '25' } });
  });
  afterAll(() => api.close());

  /** The one response of a raw exchange, held against the document. */
  const only = (responses: readonly RawResponse[]) => {
    expect(responses, 'exactly one response').toHaveLength(1);
    const [response] = responses as [RawResponse];
    api.check({ method: 'POST', path: '/v1/audio/transcriptions', ...response }, response.body);
    const { error } = JSON.parse(response.body);
    return { status: response.status, ...error };
  };
  const isAlive = async () => {
    expect((await api.transcribe()).status).toBe(200);
  };

  it('C1 no file', async () => {
    expect(await errorOf(await api.transcribe({ file: null }))).toEqual({
      status: 400,
      type: 'invalid_request_error',
      param: 'file',
      code: 'missing_required_parameter',
    });
  });

  it.each([
    ['missing', { model: null }, 'missing_required_parameter'],
    ['empty', { model: '' }, 'invalid_value'],
    ['given twice', { model: ['fake/echo', 'fake/other'] }, 'invalid_value'],
    ['nested', { model: null, 'model[id]': 'fake/echo' }, 'invalid_value'],
  ])('C2 the model is %s', async (_title, values, code) => {
    expect(await errorOf(await api.transcribe(values))).toMatchObject({ status: 400, param: 'model', code });
  });

  it('C2 neither model nor file, and an empty form', async () => {
    expect(await errorOf(await api.transcribe({ file: null, model: null }))).toMatchObject({ status: 400 });
    const pieces = encodeCapture(makeRequest({ parts: [] }), { key: USER_KEY }, 'whole');
    expect(only((await exchange(api.app.url, pieces)).responses)).toMatchObject({ status: 400 });
  });

  it.each([
    ['a text field', 'Content-Disposition: form-data; name="file"'],
    ['an empty filename', 'Content-Disposition: form-data; name="file"; filename=""'],
    [
      'an empty filename and a type',
      'Content-Disposition: form-data; name="file"; filename=""\r\nContent-Type: application/octet-stream',
    ],
  ])('C3 file as %s', async (_title, head) => {
    const parts = [{ head, body: STUB_AUDIO }, field('model', 'fake/echo')];
    const { responses } = await exchange(
      api.app.url,
      encodeCapture(makeRequest({ parts }), { key: USER_KEY }, 'whole'),
    );
    expect(only(responses)).toMatchObject({ status: 400, param: 'file', type: 'invalid_request_error' });
  });

  it('C5 an empty file', async () => {
    expect(await errorOf(await api.transcribe({ file: new File([], 'a.wav') }))).toMatchObject({
      status: 400,
      param: 'file',
      code: 'audio_too_short',
    });
  });

  it('C6 an unknown model', async () => {
    expect(await errorOf(await api.transcribe({ model: 'no-such' }))).toEqual({
      status: 404,
      type: 'invalid_request_error',
      param: 'model',
      code: 'model_not_found',
    });
    const request = { file: await toFile(STUB_AUDIO, 'a.wav'), model: 'no-such' };
    await expect(api.openai.audio.transcriptions.create(request)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it.each(['xml', 'rttm', 'JSON'])('C7 response_format=%s', async (format) => {
    expect(await errorOf(await api.transcribe({ response_format: format }))).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      param: 'response_format',
    });
  });

  it.each(['json', 'text', null])('C9 word times with response_format=%s', async (format) => {
    const values = { response_format: format, 'timestamp_granularities[]': 'word' };
    expect(await errorOf(await api.transcribe(values))).toMatchObject({
      status: 400,
      param: 'timestamp_granularities',
    });
  });

  describe('C12 a file of one byte too many', () => {
    const big = () => new File([new Uint8Array(LIMIT + 1)], 'big.wav');
    const tooLarge = {
      status: 413,
      type: 'invalid_request_error',
      code: 'request_too_large',
      message: expect.stringContaining('Maximum content size limit (26214400) exceeded'),
    };

    it('fetch', async () => {
      const response = await api.transcribe({ file: big() });
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ error: { message: tooLarge.message, param: 'file' } });
      await isAlive();
    });

    it('the OpenAI client with toFile', async () => {
      const request = { file: await toFile(big(), 'big.wav'), model: 'fake/echo' };
      await expect(api.openai.audio.transcriptions.create(request)).rejects.toMatchObject(tooLarge);
      await isAlive();
    });

    it('the OpenAI client with createReadStream, which has no length', async () => {
      const path = join(await tempDir(), 'big.wav');
      await writeFile(path, new Uint8Array(LIMIT + 1));
      const request = { file: createReadStream(path), model: 'fake/echo' };
      await expect(api.openai.audio.transcriptions.create(request)).rejects.toMatchObject(tooLarge);
      await isAlive();
    });

    it('a length that can only be too much is refused before the body comes', async () => {
      const headers = `Content-Length: ${10 * LIMIT}\r\nContent-Type: multipart/form-data; boundary=x`;
      const { responses } = await exchange(
        api.app.url,
        [
          `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${USER_KEY}\r\n${headers}\r\n\r\n`,
        ],
        { halfClose: true },
      );
      expect(only(responses)).toMatchObject(tooLarge);
    });

    it('a chunked body without an end is answered while it comes, and cut off', async () => {
      const request = makeRequest({ parts: [], chunked: true });
      const [head = ''] = encodeCapture(request, { key: USER_KEY }, 'whole');
      const part = `--${request.boundary}\r\n${filePart('').head}\r\n\r\n`;
      const chunk = encodeChunk(Buffer.alloc(256 * 1024));
      const endless = function* () {
        yield head;
        yield encodeChunk(Buffer.from(part));
        while (true) yield chunk;
      };
      const { responses, bytesSent } = await exchange(api.app.url, endless());
      expect(only(responses)).toMatchObject(tooLarge);
      // The file, 64 MiB that are read on after the answer, and what waits in buffers on both sides.
      expect(bytesSent).toBeLessThan(LIMIT + (64 + 64) * MIB);
      await isAlive();
    });

    it('a file of exactly the limit is taken', async () => {
      const file = new File([new Uint8Array(LIMIT)], 'a.wav');
      expect((await api.transcribe({ file })).status).toBe(200);
    });
  });

  describe('C14 a body that is not whole', () => {
    const post = (...lines: string[]) =>
      [
        'POST /v1/audio/transcriptions HTTP/1.1',
        'Host: 127.0.0.1',
        `Authorization: Bearer ${USER_KEY}`,
        ...lines,
        '',
        '',
      ].join('\r\n');
    const whole = Buffer.concat(
      encodeCapture(
        makeRequest({ parts: [filePart('x'.repeat(1000)), field('model', 'fake/echo')] }),
        { key: USER_KEY },
        'whole',
      ),
    );
    const headLength = whole.indexOf('\r\n\r\n') + 4;

    it.each([
      ['no boundary', 'multipart/form-data'],
      ['an empty boundary', 'multipart/form-data; boundary='],
      ['another multipart type', 'multipart/mixed; boundary=x'],
      ['JSON', 'application/json'],
      ['a form without files', 'application/x-www-form-urlencoded'],
    ])('%s', async (_title, type) => {
      const body = '--x\r\n\r\n--x--\r\n';
      const head = post(`Content-Type: ${type}`, `Content-Length: ${body.length}`);
      const { responses } = await exchange(api.app.url, [head, body]);
      expect(only(responses)).toMatchObject({ status: 400, type: 'invalid_request_error', code: 'invalid_multipart' });
      await isAlive();
    });

    it('a boundary that never comes', async () => {
      const head = post('Content-Type: multipart/form-data; boundary=x', 'Content-Length: 100');
      const { responses } = await exchange(api.app.url, [head, 'y'.repeat(100)]);
      expect(only(responses)).toMatchObject({ status: 400, code: 'invalid_multipart' });
    });

    it('no body at all', async () => {
      const { responses } = await exchange(api.app.url, [post('Content-Type: multipart/form-data; boundary=x')]);
      expect(only(responses)).toMatchObject({ status: 400 });
    });

    it.each([
      ['in the file', 300],
      ['in a boundary', 1150],
      ['before the last dashes', whole.length - headLength - 4],
    ])('a complete request whose form ends %s', async (_title, bytes) => {
      const head = post('Content-Type: multipart/form-data; boundary=wire-test-boundary', `Content-Length: ${bytes}`);
      const body = whole.subarray(headLength, headLength + bytes);
      const { responses } = await exchange(api.app.url, [head, body]);
      expect(only(responses)).toMatchObject({ status: 400, code: 'invalid_multipart' });
      await isAlive();
    });

    it.each([
      ['in the file', 300],
      ['before the last boundary', 1150],
    ])('a client that ends its side %s gets one answer', async (_title, bytes) => {
      const { responses } = await exchange(api.app.url, [whole.subarray(0, headLength + bytes)], { halfClose: true });
      expect(only(responses)).toMatchObject({ status: 400, type: 'invalid_request_error' });
      await isAlive();
    });

    it('a chunked body cut between chunks gets one answer', async () => {
      const request = makeRequest({ parts: [filePart('x'.repeat(1000))], chunked: true });
      const pieces = encodeCapture(request, { key: USER_KEY }, { every: 100 }).slice(0, 5);
      const { responses } = await exchange(api.app.url, pieces, { halfClose: true });
      expect(only(responses)).toMatchObject({ status: 400, type: 'invalid_request_error' });
      await isAlive();
    });

    it('a client that goes away amid its upload', async () => {
      const { responses } = await exchange(api.app.url, [whole.subarray(0, headLength + 300)], { destroy: true });
      expect(responses).toEqual([]);
      await isAlive();
    });
  });

  it('bytes that are no HTTP get one envelope', async () => {
    const { responses } = await exchange(api.app.url, ['THIS IS NO HTTP\r\n\r\n']);
    expect(only(responses)).toMatchObject({ status: 400, type: 'invalid_request_error' });
  });

  it('headers that are too long get one envelope', async () => {
    const request = `GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ${'x'.repeat(40_000)}\r\n\r\n`;
    const { responses } = await exchange(api.app.url, [request]);
    expect(responses).toHaveLength(1);
    expect(responses[0]).toMatchObject({ status: 431 });
    expect(JSON.parse(responses[0]?.body ?? '')).toMatchObject({ error: { type: 'invalid_request_error' } });
    expect(responses[0]?.headers.get('x-request-id')).toBeTruthy();
  });
});
