import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { createAddressGuard } from '../../backend/src/outbound/address-guard.ts';
import { type FetchToFileOptions, fetchToFile } from '../../backend/src/outbound/fetch-to-file.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { PROJECT_ROOT } from '../support/shared.ts';
import { tempDir } from '../support/temp-dir.ts';
import {
  type Handler,
  isPublic,
  PRIVATE,
  PUBLIC,
  type Received,
  scriptedResolver,
  startServer,
} from './local-server.ts';

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const MIDDLE = 100_000;
const retry = { attempts: 3, baseMs: 2, maxMs: 5, maxRetryAfterMs: 2000 };

async function fetching(url: string, options: Partial<FetchToFileOptions> = {}) {
  const path = join(await tempDir(), 'audio');
  const run = () =>
    fetchToFile({
      url,
      path,
      maxBytes: 1_000_000,
      timeoutMs: 10_000,
      stallMs: 5000,
      guard: createAddressGuard({ isPublic }),
      signal: new AbortController().signal,
      retry,
      ...options,
    });
  return { path, run };
}

/** The file as fetched, and as it is on disk. */
async function fetched(url: string, options: Partial<FetchToFileOptions> = {}) {
  const { path, run } = await fetching(url, options);
  return { ...(await run()), content: await readFile(path) };
}

/** The error; checks that nothing was left behind. */
async function failure(url: string, options: Partial<FetchToFileOptions> = {}) {
  const { path, run } = await fetching(url, options);
  const error: unknown = await run().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(await readdir(dirname(path))).toEqual([]);
  return error;
}

/** Writes the beginning of the body and breaks the connection once it has gone out. */
async function sendAndDrop(response: ServerResponse, status: number, headers: Record<string, string>, body: Buffer) {
  response.writeHead(status, headers);
  response.write(body);
  await once(response, 'drain').catch(() => {});
  response.destroy();
}

const whole = { 'content-length': String(CONTENT.length) };
const rest = (offset: number) => ({
  'content-range': `bytes ${offset}-${CONTENT.length - 1}/${CONTENT.length}`,
  'content-length': String(CONTENT.length - offset),
});
const offsetOf = ({ headers }: Received) => Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);

/** Breaks in the middle of the first answer; what follows is the test's. */
function droppingFirst(headers: Record<string, string>, then: Handler): Handler {
  return (response, request, count) =>
    count === 1
      ? sendAndDrop(response, 200, { ...whole, ...headers }, CONTENT.subarray(0, MIDDLE))
      : then(response, request, count);
}

describe('a file', () => {
  it('arrives with its hash, type and name, asked for without compression', async () => {
    const progress: [number, number | undefined][] = [];
    const server = await startServer((response) => {
      response.writeHead(200, { ...whole, 'content-type': 'audio/wav' }).end(CONTENT);
    });
    const file = await fetched(`${server.url}/dir/my%20talk.wav?sig=1#t=1`, {
      onProgress: (received, total) => void progress.push([received, total]),
    });
    expect(file).toEqual({
      bytes: CONTENT.length,
      sha256: SHA256,
      contentType: 'audio/wav',
      fileName: 'my talk.wav',
      content: CONTENT,
    });
    expect(progress.at(-1)).toEqual([CONTENT.length, CONTENT.length]);
    expect(server.requests).toMatchObject([
      {
        path: '/dir/my%20talk.wav?sig=1',
        headers: { 'accept-encoding': 'identity', host: `${PUBLIC}:${server.port}` },
      },
    ]);
  });

  it('of unknown length arrives too', async () => {
    const server = await startServer((response) => void response.end(CONTENT));
    expect((await fetched(server.url)).sha256).toBe(SHA256);
  });

  it('that is compressed all the same is not unpacked', async () => {
    const packed = gzipSync(CONTENT);
    const server = await startServer((response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
    });
    expect((await fetched(server.url)).content).toEqual(packed);
  });

  it.each([
    [`attachment; filename="a \\"b\\".mp3"`, 'a "b".mp3'],
    ['attachment; filename=plain.ogg; size=1', 'plain.ogg'],
    [`attachment; filename="x"; filename*=UTF-8''na%C3%AFve%20.mp3`, 'naïve .mp3'],
    ['attachment; filename="../../etc/passwd"', 'passwd'],
    [`attachment; filename*=utf-8'en'..%5C..%5Cx%00%0Ay.wav`, 'xy.wav'],
    ['attachment; filename=".."', 'name.wav'],
    ['inline', 'name.wav'],
  ])('has the name of %s', async (disposition, name) => {
    const server = await startServer((response) => {
      response.writeHead(200, { 'content-disposition': disposition }).end('x');
    });
    expect((await fetched(`${server.url}/name.wav`)).fileName).toBe(name);
  });

  it('of an internal host comes when the host is listed by name', async () => {
    const server = await startServer((response) => void response.end(CONTENT));
    const url = `http://localhost:${server.port}/`;
    const listed = createAddressGuard({ allowedHosts: ['localhost'] });
    expect((await fetched(url, { guard: listed })).sha256).toBe(SHA256);
    const unlisted = createAddressGuard();
    expect(await failure(url, { guard: unlisted })).toMatchObject({ code: 'url_not_allowed' });
    expect(server.requests).toHaveLength(1);
  });

  it('is never written over another', async () => {
    const server = await startServer((response) => void response.end('new'));
    const { path, run } = await fetching(server.url);
    await writeFile(path, 'old');
    await expect(run()).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(path, 'utf8')).toBe('old');
  });
});

describe('after a broken connection', () => {
  it.each([
    ['ETag', { etag: '"v1"' }, '"v1"'],
    ['date', { etag: 'W/"v1"', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }, 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ])('the rest is asked for, by %s', async (_, headers, validator) => {
    const server = await startServer(
      droppingFirst(headers, (response, request) => {
        const offset = offsetOf(request);
        response.writeHead(206, { ...headers, ...rest(offset) }).end(CONTENT.subarray(offset));
      }),
    );
    expect((await fetched(server.url)).content).toEqual(CONTENT);
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1]?.headers['if-range']).toBe(validator);
    const asked = server.requests[1];
    expect(asked && offsetOf(asked)).toBeGreaterThan(0);
  });

  it('it goes on for longer than the tries without progress, also when only parts are given', async () => {
    const headers = { etag: '"v1"' };
    const server = await startServer(
      droppingFirst(headers, (response, request, count) => {
        const offset = offsetOf(request);
        const end = count > 6 ? CONTENT.length : Math.min(offset + 30_000, CONTENT.length);
        response.writeHead(206, { ...headers, 'content-range': `bytes ${offset}-${end - 1}/${CONTENT.length}` });
        response.end(CONTENT.subarray(offset, end));
      }),
    );
    expect((await fetched(server.url)).content).toEqual(CONTENT);
    expect(server.requests.length).toBeGreaterThan(retry.attempts + 1);
  });

  const changed = Buffer.from('another file altogether');
  it.each<[string, Record<string, string>, Handler]>([
    ['the server ignores Range', { etag: '"v1"' }, (response) => void response.end(changed)],
    [
      'there is nothing to prove that the rest fits',
      {},
      (response, { headers }) => void response.end(headers.range === undefined ? changed : 'asked for a part'),
    ],
    [
      'the server gives the rest of another version',
      { etag: '"v1"' },
      (response, request) => {
        const offset = offsetOf(request);
        if (offset === 0) return void response.end(changed);
        response.writeHead(206, { etag: '"v2"', ...rest(offset) }).end(CONTENT.subarray(offset));
      },
    ],
    [
      'the server gives another part',
      { etag: '"v1"' },
      (response, request) => {
        if (offsetOf(request) === 0) return void response.end(changed);
        response.writeHead(206, { etag: '"v1"', ...rest(5) }).end(CONTENT.subarray(5));
      },
    ],
    [
      'there is no rest (416)',
      { etag: '"v1"' },
      (response, request) => {
        if (offsetOf(request) === 0) return void response.end(changed);
        response.writeHead(416).end();
      },
    ],
  ])('it starts from zero when %s', async (_, headers, then) => {
    const server = await startServer(droppingFirst(headers, then));
    const file = await fetched(server.url);
    expect(file.content).toEqual(changed);
    expect(file).toMatchObject({ bytes: changed.length, sha256: createHash('sha256').update(changed).digest('hex') });
  });

  it('too many without progress end it', async () => {
    const server = await startServer((response) => sendAndDrop(response, 200, whole, CONTENT.subarray(0, MIDDLE)));
    expect(await failure(server.url)).toMatchObject({ code: 'url_unreachable', status: 400, param: 'url' });
    // The first brought something; then as many as are tried in vain.
    expect(server.requests.length).toBeLessThanOrEqual(retry.attempts + 2);
  });
});

describe('an answer that is not the file', () => {
  it.each([500, 503, 429, 408])('%i is tried again', async (status) => {
    const server = await startServer((response, _, count) => {
      if (count < 3) response.writeHead(status).end('private words of the server');
      else response.end(CONTENT);
    });
    expect((await fetched(server.url)).sha256).toBe(SHA256);
    expect(server.requests).toHaveLength(3);
  });

  it('is waited out as Retry-After says', async () => {
    const server = await startServer((response, _, count) => {
      if (count === 1) response.writeHead(503, { 'retry-after': '1' }).end();
      else response.end('x');
    });
    const started = performance.now();
    await fetched(server.url);
    expect(performance.now() - started).toBeGreaterThan(990);
  });

  it.each([404, 403, 204, 206, 304])('%i is not tried again, and its body not told', async (status) => {
    const server = await startServer((response) => void response.writeHead(status).end('private words'));
    expect(await failure(server.url)).toMatchObject({
      code: 'url_unreachable',
      message: `The file at 'url' could not be fetched: it answered ${status}.`,
    });
    expect(server.requests).toHaveLength(1);
  });

  it('nobody listens, or the name is not known', async () => {
    const server = await startServer(() => {});
    const error = await failure(`http://${PUBLIC}:1/`);
    expect(error).toMatchObject({ code: 'url_unreachable', message: expect.stringContaining('ECONNREFUSED') });
    expect(String(error)).not.toContain(PUBLIC);
    const { resolve } = scriptedResolver({});
    const guard = createAddressGuard({ isPublic, resolve });
    expect(await failure(`http://no.example:${server.port}/`, { guard })).toMatchObject({
      code: 'url_unreachable',
      message: expect.stringContaining('host name is not known'),
    });
  });
});

describe('limits', () => {
  it('a file that says it is too large is refused before its body, and the connection closed', async () => {
    const closed = Promise.withResolvers<void>();
    const server = await startServer((response) => {
      response.on('close', closed.resolve);
      response.writeHead(200, { 'content-length': '1000001' }).flushHeaders();
    });
    expect(await failure(server.url)).toMatchObject({ code: 'url_too_large', status: 413, param: 'url' });
    await closed.promise;
  });

  it('a file that turns out too large is cut off', async () => {
    const server = await startServer((response) => {
      const more = () => {
        while (!response.destroyed && response.write(CONTENT));
      };
      response.on('drain', more);
      more();
    });
    expect(await failure(server.url)).toMatchObject({ code: 'url_too_large' });
    expect(
      await fetched((await startServer((r) => void r.end(CONTENT))).url, { maxBytes: CONTENT.length }),
    ).toMatchObject({
      bytes: CONTENT.length,
    });
  });

  it('a server that stalls is given up and asked for the rest', async () => {
    const server = await startServer((response, request, count) => {
      if (count > 1) {
        const offset = offsetOf(request);
        response.writeHead(206, { etag: '"v1"', ...rest(offset) }).end(CONTENT.subarray(offset));
        return;
      }
      response.writeHead(200, { ...whole, etag: '"v1"' });
      response.write(CONTENT.subarray(0, MIDDLE));
    });
    expect((await fetched(server.url, { stallMs: 60 })).content).toEqual(CONTENT);
  });

  it('a server that is slow but never stalls is waited for', async () => {
    const server = await startServer(async (response) => {
      for (let piece = 0; piece < 8; piece++) {
        response.write('x');
        await sleep(25);
      }
      response.end();
    });
    expect(await fetched(server.url, { stallMs: 120 })).toMatchObject({ bytes: 8 });
    expect(server.requests).toHaveLength(1);
  });

  it('a server that stalls again and again is given up', async () => {
    const server = await startServer((response) => void response.writeHead(200, whole).write('x'));
    expect(await failure(server.url, { stallMs: 40 })).toMatchObject({
      code: 'url_unreachable',
      message: expect.stringContaining('nothing arrived for 40 ms'),
    });
  });

  it('a server that never answers is given up', async () => {
    const server = await startServer(() => {});
    expect(await failure(server.url, { stallMs: 40 })).toMatchObject({
      code: 'url_unreachable',
      message: expect.stringContaining('nothing arrived for 40 ms'),
    });
    expect(server.requests).toHaveLength(retry.attempts);
  });

  it('a trickle does not outlast the total time, nor does a wait between tries, nor a resolver', async () => {
    const server = await startServer((response) => {
      const timer = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(timer));
    });
    const limits = { timeoutMs: 150, stallMs: 100 };
    const timeout = { code: 'url_timeout', status: 400, param: 'url' };
    expect(await failure(server.url, limits)).toMatchObject(timeout);
    const busy = await startServer((response) => void response.writeHead(503, { 'retry-after': '2' }).end());
    expect(await failure(busy.url, limits)).toMatchObject(timeout);
    const guard = createAddressGuard({ resolve: () => new Promise(() => {}) });
    expect(await failure('http://slow.example/', { ...limits, stallMs: 1000, guard })).toMatchObject(timeout);
  });

  it('the caller can end it at any time, and so can the listener', async () => {
    const reason = new Error('cancelled');
    const server = await startServer((response) => {
      response.writeHead(200, whole).write(CONTENT.subarray(0, MIDDLE));
    });
    const controller = new AbortController();
    const onProgress = () => controller.abort(reason);
    expect(await failure(server.url, { signal: controller.signal, onProgress })).toBe(reason);
    expect(await failure(server.url, { signal: controller.signal })).toBe(reason);
    const full = new Error('the disk is nearly full');
    expect(await failure(server.url, { onProgress: () => Promise.reject(full) })).toBe(full);
  });
});

describe('redirects', () => {
  const redirecting = (location: string | ((path: string) => string), status = 302): Handler => {
    return (response, { path }) => {
      response
        .writeHead(status, { location: typeof location === 'string' ? location : location(path) })
        .end('private words');
    };
  };

  it.each([301, 302, 303, 307, 308])('%i is followed, and the name is that of the last hop', async (status) => {
    const server = await startServer((response, request, count) => {
      if (request.path === '/start') return redirecting('/deep/b.wav', status)(response, request, count);
      response.end(CONTENT);
    });
    expect(await fetched(`${server.url}/start`)).toMatchObject({ sha256: SHA256, fileName: 'b.wav' });
  });

  it('five are followed, six are not', async () => {
    const server = await startServer((response, request, count) => {
      const left = Number(request.path.slice(1));
      if (left > 0) return redirecting(`/${left - 1}`)(response, request, count);
      response.end(CONTENT);
    });
    expect((await fetched(`${server.url}/5`)).sha256).toBe(SHA256);
    expect(await failure(`${server.url}/6`)).toMatchObject({
      code: 'url_unreachable',
      message: expect.stringContaining('redirected more than 5 times'),
    });
  });

  it('to a private address, literal or resolved, is refused and never connected to', async () => {
    const inside = await startServer((response) => void response.end('secret'), { host: PRIVATE });
    const { resolve } = scriptedResolver({ 'inside.example': [[PRIVATE]], 'mixed.example': [[PUBLIC, PRIVATE]] });
    const guard = createAddressGuard({ isPublic, resolve });
    for (const host of [PRIVATE, '0x7f000002', 'inside.example', 'mixed.example', '[::1]', '[::ffff:127.0.0.1]']) {
      const server = await startServer(redirecting(`http://${host}:${inside.port}/`));
      const error = await failure(server.url, { guard });
      expect(error).toMatchObject({ code: 'url_not_allowed', status: 400, param: 'url' });
      expect(String(error)).not.toMatch(/127\.0|example|::/);
    }
    expect(inside.requests).toEqual([]);
  });

  it('leave no connection open behind', async () => {
    const closed = Promise.withResolvers<void>();
    const server = await startServer((response, { path }) => {
      if (path === '/end') return void response.end(CONTENT);
      response.on('close', closed.resolve);
      response.writeHead(302, { location: '/end' }).write('a body without end');
    });
    expect((await fetched(server.url)).sha256).toBe(SHA256);
    await closed.promise;
  });

  it('to another protocol or to nonsense is refused', async () => {
    const file = await startServer(redirecting('file:///etc/passwd'));
    expect(await failure(file.url)).toMatchObject({ code: 'url_not_allowed' });
    const nonsense = await startServer(redirecting('http://['));
    expect(await failure(nonsense.url)).toMatchObject({ code: 'url_unreachable' });
  });

  it('to a host that is not allowed is refused', async () => {
    const { resolve } = scriptedResolver({ 'a.example': [[PUBLIC]], 'b.example': [[PUBLIC]] });
    const guard = createAddressGuard({ isPublic, resolve, allowedHosts: ['a.example'] });
    const other = await startServer((response) => void response.end('x'));
    const server = await startServer(redirecting(`http://b.example:${other.port}/`));
    expect(await failure(`http://a.example:${server.port}/`, { guard })).toMatchObject({ code: 'url_not_allowed' });
    expect(other.requests).toEqual([]);
  });

  it('take credentials along on the first origin, and no further, not even back', async () => {
    const { resolve } = scriptedResolver({ 'a.example': [[PUBLIC]], 'b.example': [[PUBLIC]] });
    const guard = createAddressGuard({ isPublic, resolve });
    const server = await startServer((response, request, count) => {
      const next = ['/2', `http://x:y@b.example:${server.port}/3`, `http://a.example:${server.port}/4`][count - 1];
      if (next !== undefined) return redirecting(next)(response, request, count);
      response.end('x');
    });
    await fetched(`http://us%40er:p%C3%A4ss@a.example:${server.port}/1`, { guard });
    const basic = `Basic ${Buffer.from('us@er:päss').toString('base64')}`;
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([basic, basic, undefined, undefined]);
  });
});

describe('a name whose addresses change', () => {
  /** A server on the same port of both addresses, so that each answer of the resolver leads somewhere. */
  async function twoServers(outside: Handler) {
    const inside = await startServer((response) => void response.end('secret'), { host: PRIVATE });
    const server = await startServer(outside, { port: inside.port });
    const { resolve, asked } = scriptedResolver({ 'turning.example': [[PUBLIC], [PRIVATE]] });
    const guard = createAddressGuard({ isPublic, resolve });
    return { inside, server, asked, guard, url: `http://turning.example:${inside.port}/` };
  }

  it('is connected to where it was when it was checked', async () => {
    const { inside, asked, guard, url } = await twoServers((response) => void response.end(CONTENT));
    expect((await fetched(url, { guard })).sha256).toBe(SHA256);
    expect(asked).toEqual(['turning.example']);
    expect(inside.requests).toEqual([]);
  });

  it('is checked again by each redirect and each try', async () => {
    const redirect = await twoServers((response) => void response.writeHead(302, { location: '/again' }).end());
    expect(await failure(redirect.url, { guard: redirect.guard })).toMatchObject({ code: 'url_not_allowed' });
    const busy = await twoServers((response) => void response.writeHead(503).end());
    expect(await failure(busy.url, { guard: busy.guard })).toMatchObject({ code: 'url_not_allowed' });
    for (const { inside, asked } of [redirect, busy]) {
      expect(asked).toHaveLength(2);
      expect(inside.requests).toEqual([]);
    }
  });
});

describe('HTTPS', () => {
  const authorities = tls.getCACertificates();
  afterEach(() => tls.setDefaultCACertificates(authorities));

  async function tlsServer(hosts: string[], validDays?: number) {
    const certificate = selfSignedCertificate(hosts, validDays);
    const server = await startServer((response) => void response.end(CONTENT), { certificate });
    const { resolve } = scriptedResolver({ 'audio.example': [[PUBLIC]] });
    return { certificate, server, guard: createAddressGuard({ isPublic, resolve }) };
  }
  const certificateRefused = {
    code: 'url_unreachable',
    message: expect.stringContaining('certificate was not accepted'),
  };

  it('is checked for the name in the URL, wherever it leads', async () => {
    const { certificate, server, guard } = await tlsServer(['audio.example']);
    tls.setDefaultCACertificates([certificate.cert]);
    expect((await fetched(`https://audio.example:${server.port}/`, { guard })).sha256).toBe(SHA256);
    expect(await failure(server.url, { guard })).toMatchObject(certificateRefused);
  });

  it('an unknown or expired certificate is refused at once', async () => {
    const unknown = await tlsServer(['audio.example']);
    expect(await failure(`https://audio.example:${unknown.server.port}/`, { guard: unknown.guard })).toMatchObject(
      certificateRefused,
    );
    const expired = await tlsServer(['audio.example'], 0.5);
    tls.setDefaultCACertificates([expired.certificate.cert]);
    expect(await failure(`https://audio.example:${expired.server.port}/`, { guard: expired.guard })).toMatchObject(
      certificateRefused,
    );
    expect(unknown.server.requests).toEqual([]);
  });
});

it('asks no proxy of the environment, which would resolve by itself', async () => {
  const proxy = await startServer((response) => void response.end('from the proxy'));
  const server = await startServer((response) => void response.end('from the server'));
  const path = join(await tempDir(), 'audio');
  const script = `
    import { createAddressGuard } from './backend/src/outbound/address-guard.ts';
    import { fetchToFile } from './backend/src/outbound/fetch-to-file.ts';
    const guard = createAddressGuard({ allowPrivate: true });
    const [url, path] = process.argv.slice(1);
    const { signal } = new AbortController();
    await fetchToFile({ url, path, maxBytes: 100, timeoutMs: 5000, stallMs: 5000, guard, signal });`;
  // Node reads these at its start.
  const env = { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.url, NO_PROXY: '', no_proxy: '' };
  const args = ['--input-type=module-typescript', '--eval', script, server.url, path];
  await promisify(execFile)(process.execPath, args, { cwd: PROJECT_ROOT, env });
  expect(await readFile(path, 'utf8')).toBe('from the server');
  expect(proxy.requests).toEqual([]);
});
