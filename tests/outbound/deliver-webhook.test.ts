import tls from 'node:tls';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayError } from '../../backend/src/errors.ts';
import {
  createWebhookGuard,
  deliverWebhook,
  type WebhookDelivery,
} from '../../backend/src/outbound/deliver-webhook.ts';
import { createWebhookSecret } from '../../backend/src/outbound/webhook-signature.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { type Handler, isPublic, PRIVATE, PUBLIC, scriptedResolver, startServer } from './local-server.ts';

const certificate = selfSignedCertificate(['hooks.example', 'inside.example', PUBLIC, PRIVATE]);
const secret = createWebhookSecret();
const body = JSON.stringify({ id: 'evt_1', type: 'transcription.completed', data: { id: 'job_ü' } });
const authorities = tls.getCACertificates();
beforeAll(() => tls.setDefaultCACertificates([certificate.cert]));
afterAll(() => tls.setDefaultCACertificates(authorities));

const receiver = (handler: Handler, options: { host?: string } = {}) =>
  startServer(handler, { certificate, ...options });

function delivering(url: string, options: Partial<WebhookDelivery> = {}) {
  return deliverWebhook({
    url,
    id: 'evt_1',
    body,
    secrets: [secret],
    guard: createWebhookGuard(false, { isPublic }),
    signal: new AbortController().signal,
    ...options,
  });
}

it('a delivery is POSTed as it is, and the official client unwraps it', async () => {
  const server = await receiver((response) => void response.writeHead(204).end());
  expect(await delivering(`${server.url}/hook?a=1`)).toEqual({
    ok: true,
    status: 204,
    error: undefined,
    gone: false,
    retryAfterMs: 0,
    durationMs: expect.any(Number),
  });
  const [request] = server.requests;
  expect(request).toMatchObject({
    method: 'POST',
    path: '/hook?a=1',
    headers: { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) },
    body,
  });
  const { webhooks } = new OpenAI({ apiKey: 'not-used' });
  expect(await webhooks.unwrap(request?.body ?? '', { ...request?.headers } as Record<string, string>, secret)).toEqual(
    JSON.parse(body),
  );
});

it('the name is resolved once, and the certificate is checked for it', async () => {
  const server = await receiver((response) => void response.end());
  const { resolve, asked } = scriptedResolver({ 'hooks.example': [[PUBLIC], [PRIVATE]], 'other.example': [[PUBLIC]] });
  const guard = createWebhookGuard(false, { isPublic, resolve });
  expect(await delivering(`https://hooks.example:${server.port}/`, { guard })).toMatchObject({ ok: true });
  expect(asked).toEqual(['hooks.example']);
  const other = await delivering(`https://other.example:${server.port}/`, { guard });
  expect(other).toMatchObject({ ok: false, status: undefined, error: expect.stringContaining('certificate') });
  expect(server.requests).toHaveLength(1);
});

describe('a receiver that is refused', () => {
  it('has a private address, literal or resolved', async () => {
    const inside = await receiver((response) => void response.end(), { host: PRIVATE });
    const { resolve } = scriptedResolver({ 'inside.example': [[PRIVATE]] });
    const guard = createWebhookGuard(false, { isPublic, resolve });
    for (const url of [inside.url, `https://inside.example:${inside.port}/`]) {
      const result = await delivering(url, { guard });
      expect(result).toMatchObject({ ok: false, status: undefined, error: expect.stringContaining('not public') });
      expect(result.error).not.toContain(PRIVATE);
    }
    expect(inside.requests).toEqual([]);
  });

  it('has no HTTPS, except in tests', async () => {
    const plain = await startServer((response) => void response.end());
    expect(await delivering(plain.url)).toMatchObject({ ok: false, error: expect.stringContaining('https://') });
    expect(plain.requests).toEqual([]);
    expect(await delivering(plain.url, { guard: createWebhookGuard(true) })).toMatchObject({ ok: true, status: 200 });
  });
});

describe('a failure', () => {
  it.each([400, 404, 429, 500, 503])('is a status such as %i; what was answered is not told', async (status) => {
    const server = await receiver((response) => {
      response.writeHead(status, { 'retry-after': '7' }).end('private words');
    });
    expect(await delivering(server.url)).toMatchObject({
      ok: false,
      status,
      error: `it answered ${status}`,
      gone: false,
      retryAfterMs: 7000,
    });
  });

  it('is 410, which says to stop', async () => {
    const server = await receiver((response) => void response.writeHead(410).end());
    expect(await delivering(server.url)).toMatchObject({ ok: false, status: 410, gone: true });
  });

  it.each([301, 302, 303, 307, 308, 304])('is %i, which is not followed', async (status) => {
    const target = await receiver((response) => void response.end());
    const server = await receiver((response) => void response.writeHead(status, { location: target.url }).end());
    expect(await delivering(server.url)).toMatchObject({
      ok: false,
      status,
      error: expect.stringContaining('redirects are not followed'),
    });
    expect(target.requests).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it('is a broken or refused connection', async () => {
    const server = await receiver((response) => void response.destroy());
    for (const url of [server.url, `https://${PUBLIC}:1/`]) {
      const result = await delivering(url);
      expect(result).toMatchObject({
        ok: false,
        status: undefined,
        error: expect.stringMatching(/^the connection failed/),
      });
      expect(result.error).not.toContain(PUBLIC);
    }
  });

  it('is no answer in time', async () => {
    const server = await receiver(() => {});
    const result = await delivering(server.url, { timeoutMs: 80 });
    expect(result).toMatchObject({ ok: false, status: undefined, error: 'no answer within 0.08 seconds' });
    expect(result.durationMs).toBeGreaterThan(70);
    const guard = createWebhookGuard(false, { resolve: () => new Promise(() => {}) });
    const unresolved = await delivering('https://slow.example/', { guard, timeoutMs: 30 });
    expect(unresolved).toMatchObject({ ok: false, error: 'no answer within 0.03 seconds' });
  });
});

describe('the body of an answer', () => {
  it('without end is cut off', async () => {
    const closed = Promise.withResolvers<void>();
    const server = await receiver((response) => {
      response.on('close', closed.resolve);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(20_000)));
      };
      response.on('drain', more);
      more();
    });
    const result = await delivering(server.url);
    expect(result).toMatchObject({ ok: true, status: 200 });
    expect(result.durationMs).toBeLessThan(5000);
    await closed.promise;
  });

  it('that stalls or breaks does not undo a 2xx', async () => {
    const stalling = await receiver((response) => void response.writeHead(200).write('x'));
    expect(await delivering(stalling.url, { timeoutMs: 100 })).toMatchObject({ ok: true, status: 200 });
    const breaking = await receiver((response) => {
      response.writeHead(200, { 'content-length': '9' });
      response.write('x', () => response.destroy());
    });
    expect(await delivering(breaking.url)).toMatchObject({ ok: true, status: 200 });
  });
});

it('a shutdown is no result, and neither is a bad secret', async () => {
  const controller = new AbortController();
  const reason = new GatewayError('shutting_down', { message: 'The server is shutting down.' });
  const server = await receiver(() => controller.abort(reason));
  await expect(delivering(server.url, { signal: controller.signal })).rejects.toBe(reason);
  await expect(delivering(server.url, { secrets: ['whsec_short'] })).rejects.toThrow('a webhook secret is');
});
