/** Uploads: what they leave behind (nothing), and every limit they meet. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync, statfsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import OpenAI, { toFile } from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Api, errorOf, eventually, json, STUB_AUDIO, startApi, USER_KEY } from '../api/start-api.ts';
import { tempDir } from '../support/temp-dir.ts';
import { encodeCapture, exchange, field, filePart, type MadeRequest, makeRequest } from '../support/wire-replay.ts';

const MIB = 2 ** 20;

/** Folders of uploads that are on disk now. */
function uploadsOf(api: Api): string[] {
  const root = join(api.app.dir, 'data', 'uploads');
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => /upload-[^/]+$/.test(path));
}

/** Files of uploads that this process, in which the app runs, holds open. */
function openUploadsOf(api: Api): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // closed meanwhile
      }
    })
    .filter((path) => path.startsWith(join(api.app.dir, 'data', 'uploads')) && path.includes('upload-'));
}

function bytesOf(request: MadeRequest): Buffer[] {
  return encodeCapture(makeRequest(request), { key: USER_KEY }, 'whole');
}

/** Begins an upload and leaves it there; the caller destroys the socket. */
async function beginUpload(api: Api) {
  const [head = '', body = Buffer.alloc(0)] = bytesOf({ parts: [filePart(Buffer.alloc(100_000))] });
  const socket = connect(Number(new URL(api.app.url).port), '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(head);
  socket.write(body.subarray(0, 50_000));
  await eventually(() => expect(uploadsOf(api)).toHaveLength(1));
  return socket;
}

/** Clients that leave right after their headers, each a little later than the one before. */
async function beginAndLeave(api: Api): Promise<void> {
  const [head = ''] = bytesOf({ parts: [filePart(Buffer.alloc(100_000))] });
  for (let round = 0; round < 20; round += 1) {
    const socket = connect(Number(new URL(api.app.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(head);
    for (let turn = 0; turn < round / 2; turn += 1) await new Promise(setImmediate);
    socket.resetAndDestroy();
  }
}

describe('uploads', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ env: { MAX_FILE_SIZE_MB: '5', MODEL_ALIASES: 'whisper-1=fake/echo' } });
  });
  afterAll(() => api.close());
  // Whatever a test did, nothing may stay on disk, or be held open.
  afterEach(async () => {
    await eventually(() => {
      expect(uploadsOf(api)).toEqual([]);
      expect(openUploadsOf(api)).toEqual([]);
    });
    expect((await api.transcribe()).status).toBe(200);
  });

  /** The one answer to a request of our own making. */
  const send = async (request: MadeRequest) => {
    const { responses } = await exchange(api.app.url, bytesOf(request));
    const [response, ...others] = responses;
    if (response === undefined || others.length > 0) throw new Error(`${responses.length} answers`);
    api.check({ method: 'POST', path: '/v1/audio/transcriptions', ...response }, response.body);
    return { status: response.status, body: JSON.parse(response.body) };
  };
  const echo = [field('model', 'fake/echo'), field('prompt', 'file:4')];

  describe('are gone from disk (every test here ends with that check)', () => {
    it('after a success, and are there while they are worked on', async () => {
      const answer = api.transcribe({ prompt: 'say:done sleep:500' });
      await eventually(() => expect(uploadsOf(api)).toHaveLength(1));
      expect((await answer).status).toBe(200);
    });

    it('after a refused form', async () => {
      expect((await api.transcribe({ temperature: '7' })).status).toBe(400);
    });

    it('after a failure of the model', async () => {
      expect((await api.transcribe({ prompt: 'no-such-order' })).status).toBe(500);
    });

    it('after a file that was too large', async () => {
      expect((await api.transcribe({ file: new File([new Uint8Array(5 * MIB + 1)], 'a.wav') })).status).toBe(413);
    });

    it('when the client leaves amid the upload', async () => {
      const socket = await beginUpload(api);
      socket.destroy();
    });

    it('when the client resets the connection amid the upload', async () => {
      const socket = await beginUpload(api);
      socket.resetAndDestroy();
    });

    it('when the client leaves at the very beginning, while the server makes room', async () => {
      await beginAndLeave(api);
    });

    it('when the client leaves while its audio is worked on', async () => {
      const stop = new AbortController();
      const answer = api.transcribe({ prompt: 'sleep:20000' }, { signal: stop.signal });
      await eventually(() => expect(api.app.registry.describe('fake/echo')?.replicas[0]?.in_flight).toBe(1));
      stop.abort();
      await expect(answer).rejects.toThrow();
      await eventually(() => expect(api.app.registry.describe('fake/echo')?.replicas[0]?.in_flight).toBe(0));
    });
  });

  describe('that are refused', () => {
    it('are answered so that a client sees it that reads only when it has sent everything', async () => {
      const parts = [filePart(Buffer.alloc(30 * MIB)), ...echo];
      for (const key of [USER_KEY, 'sk-wrong-key']) {
        const pieces = encodeCapture(makeRequest({ parts }), { key }, { every: MIB });
        const { responses } = await exchange(api.app.url, pieces, { writeFirst: true });
        expect(responses).toHaveLength(1);
        expect(responses[0]?.status).toBe(key === USER_KEY ? 413 : 401);
      }
    });

    it('for a file too large, the message names the limit', async () => {
      const response = await api.transcribe({ file: new File([new Uint8Array(6 * MIB)], 'a.wav') });
      expect(await response.json()).toMatchObject({
        error: { message: expect.stringContaining('Maximum content size limit (5242880) exceeded') },
      });
    });
  });

  describe('with odd fields', () => {
    it('a thousand of them', async () => {
      const flood = Array.from({ length: 1000 }, (_, index) => field(`field${index}`, 'x'));
      expect(await send({ parts: [...flood, filePart(STUB_AUDIO), ...echo] })).toMatchObject({
        status: 400,
        body: { error: { code: 'invalid_multipart' } },
      });
    });

    it('one of 9 MiB', async () => {
      const parts = [filePart(STUB_AUDIO), ...echo, field('long', 'x'.repeat(9 * MIB))];
      expect(await send({ parts })).toMatchObject({ status: 400, body: { error: { param: 'long' } } });
    });

    it('60 MiB of them, with and without a length', async () => {
      const parts = [...Array.from({ length: 10 }, () => field('long[]', 'x'.repeat(6 * MIB))), ...echo];
      for (const chunked of [false, true]) {
        const { status, body } = await send({ parts: [filePart(STUB_AUDIO), ...parts], chunked });
        expect([400, 413]).toContain(status);
        expect(body).toMatchObject({ error: { type: 'invalid_request_error' } });
      }
    });

    it('a model given twice', async () => {
      const parts = [filePart(STUB_AUDIO), field('model', 'fake/echo'), field('model', 'fake/other')];
      expect(await send({ parts })).toMatchObject({ status: 400, body: { error: { param: 'model' } } });
    });

    it.each(['__proto__[x]', '__proto__', 'constructor', 'constructor[prototype][x]', 'extra_body[__proto__][x]'])(
      'one named %s does no harm',
      async (name) => {
        const parts = [filePart(STUB_AUDIO), ...echo, field(name, 'polluted')];
        expect(await send({ parts })).toMatchObject({ status: 200, body: { text: 'RIFF' } });
        expect(Object.prototype).not.toHaveProperty('x');
        expect({}).not.toHaveProperty('x');
      },
    );

    it.each(['a[b][c][d][e][f]', 'a[100000000]', 'a[', ''])(
      'one named "%s" is taken or refused, no more',
      async (name) => {
        const { status } = await send({ parts: [filePart(STUB_AUDIO), ...echo, field(name, 'x')] });
        expect([200, 400]).toContain(status);
      },
    );

    it('a plain value where another part made an object', async () => {
      const parts = [filePart(STUB_AUDIO), ...echo, field('a', '1'), field('a[b]', '2')];
      expect([200, 400]).toContain((await send({ parts })).status);
    });
  });

  describe('with odd files', () => {
    it('two parts named file', async () => {
      const parts = [filePart(STUB_AUDIO), filePart(STUB_AUDIO), ...echo];
      expect(await send({ parts })).toMatchObject({ status: 400, body: { error: { param: 'file' } } });
    });

    it('a file under another name', async () => {
      const parts = [filePart(STUB_AUDIO, 'a.wav', 'audio'), ...echo];
      expect(await send({ parts })).toMatchObject({ status: 400, body: { error: { param: 'audio' } } });
    });

    it('a name in UTF-8, a path, a very long one', async () => {
      for (const name of ['Gespräch – 录音.wav', '../../../etc/passwd', `${'x'.repeat(5000)}.wav`]) {
        const latin1 = Buffer.from(name).toString('latin1');
        expect((await send({ parts: [filePart(STUB_AUDIO, latin1), ...echo] })).status).toBe(200);
      }
    });

    it('a name with a null byte', async () => {
      expect(await send({ parts: [filePart(STUB_AUDIO, 'a\0b.wav'), ...echo] })).toMatchObject({ status: 400 });
    });

    it('bytes come through as they are, boundaries look-alikes included', async () => {
      const body = '\r\n--wire-test-boundar\r\n--wire-test\r\n\r\n--';
      const parts = [filePart(body), field('model', 'fake/echo'), field('prompt', `file:${body.length}`)];
      expect(await send({ parts })).toMatchObject({ status: 200, body: { text: body } });
    });
  });

  it('curl waits for 100 Continue and gets it', async ({ skip }) => {
    const path = join(await tempDir(), 'a.wav');
    writeFileSync(path, new Uint8Array(2 * MIB));
    const args = ['-sS', '-i', '--max-time', '20', '--expect100-timeout', '15', '-H', 'Expect: 100-continue'];
    const form = ['-F', `file=@${path}`, '-F', 'model=whisper-1', '-F', 'prompt=say:heard'];
    const key = ['-H', `Authorization: Bearer ${USER_KEY}`];
    const startedAt = performance.now();
    const curl = spawn('curl', [...args, ...key, ...form, `${api.app.url}/v1/audio/transcriptions`]);
    const missing = await Promise.race([
      once(curl, 'spawn').then(() => false),
      once(curl, 'error').then(() => true),
    ]).catch(() => true);
    if (missing) return skip('curl is not here');
    const output = await text(curl.stdout);
    expect(output).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(output).toContain('"text":"heard"');
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});

describe('more uploads at a time than allowed', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ env: { MAX_CONCURRENT_UPLOADS: '1' } });
  });
  afterAll(() => api.close());

  it('503 with Retry-After, until the first one is through', async () => {
    const socket = await beginUpload(api);
    const response = await api.transcribe();
    expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(await errorOf(response)).toMatchObject({
      status: 503,
      type: 'service_unavailable_error',
      code: 'server_is_overloaded',
    });
    const request = { file: await toFile(STUB_AUDIO, 'a.wav'), model: 'fake/echo' };
    await expect(api.openai.audio.transcriptions.create(request)).rejects.toBeInstanceOf(OpenAI.InternalServerError);
    socket.destroy();
    await eventually(async () => expect((await api.transcribe()).status).toBe(200));
  });

  it('clients that leave at the very beginning hold no place', async () => {
    await beginAndLeave(api);
    await eventually(async () => expect((await api.transcribe()).status).toBe(200));
  });

  it('an upload that is complete does not count while it is worked on', async () => {
    const first = api.transcribe({ prompt: 'sleep:500 say:first' });
    await eventually(() => expect(api.app.registry.describe('fake/echo')?.replicas[0]?.in_flight).toBe(1));
    expect(await json(await api.transcribe({ prompt: 'say:second' }))).toMatchObject({ text: 'second' });
    expect(await json(await first)).toMatchObject({ text: 'first' });
  });
});

describe('a disk that is nearly full', () => {
  const MOST_MIB = 2 ** 20;
  const { bavail, bsize } = statfsSync(tmpdir());

  it.skipIf(bavail * bsize > MOST_MIB * MIB)('507, not to be repeated', async () => {
    const api = await startApi({ env: { MIN_FREE_DISK_MB: String(MOST_MIB) } });
    onTestFinished(() => api.close());
    const response = await api.transcribe();
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(await errorOf(response)).toMatchObject({ status: 507, type: 'server_error', code: 'insufficient_storage' });
    expect(uploadsOf(api)).toEqual([]);
  });
});
