import { readFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { modelState } from '../support/model-state.ts';
import { postSpeech } from '../support/post-speech.ts';
import { environmentOf } from '../support/processes.ts';
import { startTestApp, type TestApp } from '../support/start-app.ts';

const SECRETS = {
  OPENAI_API_KEYS: 'sk-user-secret-of-this-test',
  HUGGINGFACE_TOKEN: 'hf_secret_of_this_test',
  DATABASE_URL: 'postgres://gateway:secret-password@db/gateway',
  AWS_SECRET_ACCESS_KEY: 'aws-secret-of-this-test',
};

let app: TestApp;
beforeAll(async () => {
  Object.assign(process.env, SECRETS);
  // By configuration it has a database that is there, with a password too.
  const { DATABASE_URL: _, ...secrets } = SECRETS;
  app = await startTestApp({ env: { ...secrets, CUDA_VISIBLE_DEVICES: '', TZ: 'UTC' } });
});
afterAll(async () => {
  for (const name of Object.keys(SECRETS)) delete process.env[name];
  await app.close();
});

it('a worker gets what its programs need and no secret, neither by configuration nor by inheritance', async () => {
  const headers = { authorization: `Bearer ${SECRETS.OPENAI_API_KEYS}` };
  expect((await postSpeech(app.url, { headers })).status).toBe(200);
  const environment = environmentOf(modelState(app.registry).replica.pid ?? 0);

  const text = JSON.stringify(environment);
  for (const secret of [...Object.values(SECRETS), app.databaseUrl, app.adminKey]) expect(text).not.toContain(secret);
  expect(environment).toMatchObject({ PATH: process.env.PATH, TZ: 'UTC' });
  const unexpected = Object.keys(environment).filter(
    (name) => !/^(PATH|HOME|LANG|TZ|CUDA_|ORT_|MALLOC_|GLIBC_TUNABLES|NODE_CHANNEL_)/.test(name),
  );
  expect(unexpected).toEqual([]);
});

it('a worker steps back behind the gateway when both want to compute, and so does all it starts', async () => {
  const headers = { authorization: `Bearer ${SECRETS.OPENAI_API_KEYS}` };
  expect((await postSpeech(app.url, { headers })).status).toBe(200);
  const { pid } = modelState(app.registry).replica;
  expect(getPriority(pid ?? 0)).toBeGreaterThan(getPriority());
});

it('where memory runs out, the kernel ends a worker and not the gateway', async () => {
  const headers = { authorization: `Bearer ${SECRETS.OPENAI_API_KEYS}` };
  expect((await postSpeech(app.url, { headers })).status).toBe(200);
  const { pid } = modelState(app.registry).replica;
  const [worker, gateway] = await Promise.all([pid, process.pid].map(readOomAdjustment));
  expect(worker).toBe(1000);
  expect(gateway).toBeLessThan(1000);
});

async function readOomAdjustment(pid: number | null | undefined): Promise<number> {
  return Number(await readFile(`/proc/${pid}/oom_score_adj`, 'utf8'));
}
