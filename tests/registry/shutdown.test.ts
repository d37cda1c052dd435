/** SIGTERM and SIGINT to the gateway as operators start it. */
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { putEchoSnapshot } from '../support/echo-snapshot.ts';
import { type GatewayProcess, startGateway } from '../support/gateway-process.ts';
import { postSpeech } from '../support/post-speech.ts';
import { isAlive } from '../support/processes.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

async function start(env: Record<string, string>): Promise<GatewayProcess & { dir: string }> {
  const dir = await tempDir();
  await putEchoSnapshot(join(dir, 'models'));
  return { ...(await startGateway({ dir, env })), dir };
}

/** A request that is in the worker when this resolves. */
async function underWay(gateway: GatewayProcess, prompt: string) {
  const answer = postSpeech(gateway.url, { prompt }).catch((error: unknown) => ({ failed: error }));
  await waitUntil('the request is in the worker', async () => {
    return (await gateway.model()).replicas[0]?.in_flight === 1;
  });
  return { answer, worker: await gateway.workerPid() };
}

async function isRefused(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  try {
    await once(socket, 'connect');
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}

describe('SIGTERM', () => {
  it('lets a running request finish, refuses new connections meanwhile, and leaves no process', async () => {
    const gateway = await start({ SHUTDOWN_GRACE_SECONDS: '20' });
    const { answer, worker } = await underWay(gateway, 'sleep:1500 say:complete');
    let isAnswered = false;
    void answer.then(() => {
      isAnswered = true;
    });
    gateway.signal('SIGTERM');
    await waitUntil('new connections are refused', () => isRefused(gateway.url));
    expect(isAnswered).toBe(false);
    expect(await answer).toMatchObject({ status: 200, text: 'complete' });
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(isAlive(worker)).toBe(false);
  });

  it('lets an upload that has begun come in, and answers it', async () => {
    const gateway = await start({ SHUTDOWN_GRACE_SECONDS: '20' });
    const form = new FormData();
    form.set('file', new File(['x'.repeat(100_000)], 'a.wav'));
    form.set('model', 'fake/echo');
    form.set('prompt', 'say:complete');
    const whole = new Response(form);
    const bytes = Buffer.from(await whole.arrayBuffer());
    const upload = request(`${gateway.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { 'content-type': whole.headers.get('content-type') ?? '', 'content-length': bytes.length },
    });
    const answered = once(upload, 'response');
    upload.write(bytes.subarray(0, bytes.length / 2));
    await waitUntil('the upload has its folder', async () => {
      const names = await readdir(join(gateway.dir, 'data/uploads'), { recursive: true });
      return names.some((name) => name.endsWith('/audio-0'));
    });
    gateway.signal('SIGTERM');
    await waitUntil('new connections are refused', () => isRefused(gateway.url));
    upload.end(bytes.subarray(bytes.length / 2));
    const [response] = await answered;
    expect(response.statusCode).toBe(200);
    expect(JSON.parse(await text(response))).toMatchObject({ text: 'complete' });
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
  });

  it('cuts what is not finished after SHUTDOWN_GRACE_SECONDS', async () => {
    const gateway = await start({ SHUTDOWN_GRACE_SECONDS: '1' });
    const { answer, worker } = await underWay(gateway, 'sleep:600000');
    const startedAt = performance.now();
    gateway.signal('SIGTERM');
    expect(await answer).toMatchObject({ status: 503, error: { code: 'shutting_down' } });
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeGreaterThan(950);
    expect(isAlive(worker)).toBe(false);
  });

  it('ends a worker whose graph does not let it listen, and the gateway with it', async () => {
    const gateway = await start({ SHUTDOWN_GRACE_SECONDS: '0' });
    const { answer, worker } = await underWay(gateway, 'spin:600000');
    gateway.signal('SIGTERM');
    expect(await answer).toMatchObject({ status: 503, error: { code: 'shutting_down' } });
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(isAlive(worker)).toBe(false);
  });

  it('ends an idle gateway at once', async () => {
    const gateway = await start({ SHUTDOWN_GRACE_SECONDS: '600' });
    await postSpeech(gateway.url);
    const worker = await gateway.workerPid();
    gateway.signal('SIGTERM');
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(isAlive(worker)).toBe(false);
  });
});

it('a second SIGINT ends the gateway at once, and its worker with it', async () => {
  const gateway = await start({ SHUTDOWN_GRACE_SECONDS: '600' });
  const { answer, worker } = await underWay(gateway, 'sleep:600000');
  gateway.signal('SIGINT');
  await waitUntil('new connections are refused', () => isRefused(gateway.url));
  gateway.signal('SIGINT');
  expect(await gateway.ended).toEqual({ code: 1, signal: null });
  expect(await answer).toHaveProperty('failed');
  await waitUntil('the worker ends', () => !isAlive(worker));
});
