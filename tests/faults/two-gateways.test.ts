/** Two gateways with one database and one folder: they share queue, results and limits, and one can die. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Job, JobEvent } from '../../backend/src/contract/jobs.ts';
import type { ApiKeyWithSecret } from '../../backend/src/contract/keys.ts';
import { putEchoSnapshot } from '../support/echo-snapshot.ts';
import { type GatewayProcess, startGateway } from '../support/gateway-process.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { wav } from '../support/wav.ts';

const KEY = 'sk-of-both-gateways';
const AUTH = { authorization: `Bearer ${KEY}` };

async function startTwo(): Promise<[GatewayProcess, GatewayProcess]> {
  const dir = await mkdtemp(join(tmpdir(), 'audio-gateway-two-'));
  const database = await createTestDatabase();
  onTestFinished(async () => {
    await database.drop();
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  });
  await putEchoSnapshot(join(dir, 'models'));
  const env = { DATABASE_URL: database.url, OPENAI_API_KEYS: KEY, JOB_CONCURRENCY: '1' };
  const start = (name: string) => startGateway({ dir, env: { ...env, LOG_DIR: join(dir, name) } });
  return Promise.all([start('logs-1'), start('logs-2')]);
}

let pitch = 200;
async function submit({ url }: GatewayProcess, prompt: string): Promise<string> {
  pitch += 1;
  const body = new FormData();
  body.set('file', new File([wav(1, pitch)], 'speech.wav'));
  body.set('model', 'fake/echo');
  body.set('prompt', prompt);
  const headers = { ...AUTH, prefer: 'respond-async' };
  const response = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body, headers });
  expect(response.status).toBe(202);
  return ((await response.json()) as Job).id;
}

const get = async ({ url }: GatewayProcess, path: string) => (await fetch(url + path, { headers: AUTH })).json();
const busy = async (gateway: GatewayProcess) => (await gateway.model()).replicas[0]?.in_flight ?? 0;

it('share queue and results; the jobs of one that is killed are gone on with by the other', async () => {
  const [first, second] = await startTwo();
  // One at a time each: of two at once, both have one.
  const ids = [await submit(first, 'windows:20:100'), await submit(first, 'windows:20:101')];
  await vi.waitFor(async () => expect([await busy(first), await busy(second)]).toEqual([1, 1]), 20_000);
  for (const id of ids) {
    await vi.waitFor(
      async () => expect(await get(second, `/v1/jobs/${id}`)).toMatchObject({ status: 'succeeded' }),
      20_000,
    );
  }
  const text = Array.from({ length: 20 }, (_, i) => ` w${i}`).join('');
  expect(await get(second, `/v1/jobs/${ids[0]}/result`)).toMatchObject({ text });
  expect(await get(first, `/v1/jobs/${ids[1]}/result`)).toMatchObject({ text });

  const long = await submit(first, 'windows:50:80');
  await vi.waitFor(async () => {
    const { progress } = (await get(first, `/v1/jobs/${long}`)) as Job;
    expect(progress.processed_seconds).toBeGreaterThan(0.1);
  }, 20_000);
  const [killed, left] = (await busy(first)) > 0 ? [first, second] : [second, first];
  killed.signal('SIGKILL');
  await vi.waitFor(async () => expect(await get(left, `/v1/jobs/${long}`)).toMatchObject({ status: 'succeeded' }), {
    timeout: 60_000,
    interval: 250,
  });
  const answer = await fetch(`${left.url}/v1/jobs/${long}/events`, { headers: AUTH });
  const events = [...(await answer.text()).matchAll(/^data: (.*)$/gm)].map(
    ([, data = '']): JobEvent => JSON.parse(data),
  );
  // The other began behind the last stored window: none was stored twice.
  expect(events.filter(({ type }) => type === 'job.progress')).toHaveLength(50);
  expect(await get(left, `/v1/jobs/${long}/result`)).toMatchObject({
    text: Array.from({ length: 50 }, (_, i) => ` w${i}`).join(''),
  });
}, 120_000);

it('share limits: what a key sends to one counts at the other', async () => {
  const [first, second] = await startTwo();
  const made = await fetch(`${first.url}/api/admin/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    body: JSON.stringify({ name: 'shared', limits: { requests_per_minute: 4 } }),
  });
  const { secret } = (await made.json()) as ApiKeyWithSecret;
  const statuses: number[] = [];
  for (const { url } of [first, second, first, second, first, second]) {
    statuses.push((await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } })).status);
  }
  expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
}, 60_000);
