/** What a caller is told when the hub refuses, lies or is not there. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type FakeHub, STORAGE_SIGNATURE, startFakeHub } from '../support/fake-hub.ts';
import { noise } from '../support/hub-fixture.ts';
import { modelState } from '../support/model-state.ts';
import { postSpeech, type SpeechAnswer } from '../support/post-speech.ts';
import { startTestApp, type TestApp } from '../support/start-app.ts';
import { tempDir } from '../support/temp-dir.ts';

const TOKEN = 'hf_thetokenofthistestthatnobodymaysee';

describe('a request for a model that the hub', () => {
  let dir: string;
  let hub: FakeHub;
  let app: TestApp;
  const answers: SpeechAnswer[] = [];
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'audio-gateway-hub-'));
    hub = await startFakeHub({ repos: { 'fake/echo': { 'marker.txt': noise(20_000, 'marker') } }, lfsBytes: 1_000 });
    const env = { HF_ENDPOINT: hub.url, HF_TOKEN: TOKEN, MODEL_CACHE_DIR: join(dir, 'cache'), LOG_LEVEL: 'debug' };
    app = await startTestApp({ env });
  });
  afterEach(() => hub.faults.clear());
  afterAll(async () => {
    await app.close();
    await hub.close();
    await rm(dir, { recursive: true, force: true });
  });
  const post = async (model?: string) => {
    const answer = await postSpeech(app.url, model === undefined ? {} : { model });
    answers.push(answer);
    return answer;
  };

  it('guards is told which repository, and the page where its licence is accepted', async () => {
    for (const status of [401, 403] as const) {
      hub.faults.clear();
      hub.faults.add({ kind: 'gated', status });
      const answer = await post();
      expect(answer).toMatchObject({ status: 502, error: { code: 'hub_access_denied', type: 'server_error' } });
      expect(answer.error?.message).toContain('fake/echo');
      expect(answer.error?.message).toContain(`${hub.url}/fake/echo`);
    }
    expect(modelState(app.registry)).toMatchObject({ status: 'failed', files: { state: 'failed' } });
  });

  it('does not have is told so', async () => {
    const answer = await post('zipformer-gigaspeech-3.3m');
    expect(answer).toMatchObject({ status: 502, error: { code: 'hub_not_found' } });
    expect(answer.error?.message).toContain('csukuangfj/');
  });

  it('sends with a wrong byte is refused, and nothing of it is kept', async () => {
    hub.faults.add({ kind: 'corrupt', at: 10_000 });
    const answer = await post();
    expect(answer).toMatchObject({ status: 502, error: { code: 'hub_integrity' } });
    expect(answer.error?.message).toContain('marker.txt');
    expect(await readdir(join(dir, 'cache/models--fake--echo/blobs'))).toEqual([]);
  });

  it('serves again is answered: a failure is not remembered', async () => {
    expect(await post()).toMatchObject({ status: 200 });
  });

  it('learns the token, which no answer and no log line holds, nor does the storage see it', async () => {
    const asked = hub.requests.filter(({ origin }) => origin === 'hub');
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.every(({ authorization }) => authorization)).toBe(true);
    const fromStorage = hub.requests.filter(({ origin }) => origin === 'storage');
    expect(fromStorage.length).toBeGreaterThan(0);
    expect(fromStorage.some(({ authorization }) => authorization)).toBe(false);

    const log = await readFile(join(app.dir, 'logs/gateway.log'), 'utf8');
    expect(log).toContain('hub_access_denied');
    const told = JSON.stringify([answers, answers.map(({ headers }) => [...headers]), app.registry.list()]);
    for (const text of [log, told]) {
      expect(text).not.toContain(TOKEN);
      expect(text).not.toContain(STORAGE_SIGNATURE);
    }
  });
});

it('a request whose hub is not there is told so after some tries', async () => {
  const app = await startTestApp({ env: { MODEL_CACHE_DIR: join(await tempDir(), 'cache') } });
  onTestFinished(() => app.close());
  const answer = await postSpeech(app.url);
  expect(answer).toMatchObject({ status: 502, error: { code: 'hub_unreachable' } });
  expect(answer.error?.message).toContain('fake/echo');
});
