/** When a model is loaded and unloaded, and what a request meets while it is not there. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Model } from '../../backend/src/contract/models.ts';
import { type FakeHub, startFakeHub } from '../support/fake-hub.ts';
import { FAULTY_MODEL_LIST, GO_FILE, LOADS_FILE } from '../support/faulty-models.ts';
import { noise } from '../support/hub-fixture.ts';
import { modelState, whenModel } from '../support/model-state.ts';
import { postSpeech } from '../support/post-speech.ts';
import { isAlive } from '../support/processes.ts';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/start-app.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

async function start(env: Record<string, string> = {}, options: TestAppOptions = {}): Promise<TestApp> {
  const app = await startTestApp({ env, ...options });
  onTestFinished(() => app.close());
  return app;
}

const MARKER_BYTES = 100_000;

/** A hub that has the echo model's file; with it goes an empty cache. */
async function startHub(): Promise<{ hub: FakeHub; env: Record<string, string> }> {
  const hub = await startFakeHub({ repos: { 'fake/echo': { 'marker.txt': noise(MARKER_BYTES, 'marker') } } });
  onTestFinished(() => hub.close());
  return { hub, env: { HF_ENDPOINT: hub.url, MODEL_CACHE_DIR: join(await tempDir(), 'cache') } };
}

function derivedFolder(app: TestApp, model: string): string {
  const { commit } = modelState(app.registry, model).files;
  return join(app.dir, 'models/models--fake--echo/derived', commit ?? '');
}

const ready = async (app: TestApp) => (await fetch(`${app.url}/health/ready`)).status;

describe('lazy loading', () => {
  it('starts no worker before the first request, and one for many', async () => {
    const app = await start();
    expect(modelState(app.registry)).toMatchObject({ status: 'downloaded', replica: { state: 'stopped', pid: null } });
    expect(await ready(app)).toBe(200);
    const answers = await Promise.all(Array.from({ length: 8 }, () => postSpeech(app.url, { prompt: 'say:hello' })));
    expect(answers.map(({ status, text }) => [status, text])).toEqual(answers.map(() => [200, 'hello']));
    const { pid, state } = modelState(app.registry).replica;
    expect(state).toBe('ready');
    await postSpeech(app.url);
    expect(modelState(app.registry).replica.pid).toBe(pid);
  });

  it('unloads a model that had no request for MODEL_IDLE_TIMEOUT_SECONDS, and loads it for the next one', async () => {
    const app = await start({ MODEL_IDLE_TIMEOUT_SECONDS: '1' });
    // Longer than the timeout: being busy is not being idle.
    expect((await postSpeech(app.url, { prompt: 'sleep:1500 say:first' })).text).toBe('first');
    const { pid } = modelState(app.registry).replica;
    await whenModel(app.registry, ({ replica }) => replica.state === 'stopped');
    expect(isAlive(pid ?? 0)).toBe(false);
    expect((await postSpeech(app.url, { prompt: 'say:second' })).text).toBe('second');
    expect(modelState(app.registry).replica.pid).not.toBe(pid);
  });

  it('a request that comes while the model is being unloaded is served by a new worker', async () => {
    const app = await start({ MODEL_IDLE_TIMEOUT_SECONDS: '1' });
    await postSpeech(app.url);
    const { pid } = modelState(app.registry).replica;
    await whenModel(app.registry, ({ replica }) => replica.state === 'stopping');
    expect((await postSpeech(app.url, { prompt: 'say:again' })).text).toBe('again');
    expect(modelState(app.registry).replica.pid).not.toBe(pid);
  });

  it('the time that it took is told to every caller, over a restart too', async () => {
    const app = await start();
    const told = async ({ url }: TestApp) => {
      const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: Model[] };
      return data.find(({ id }) => id === 'fake/echo');
    };
    expect(await told(app)).toMatchObject({ status: 'downloaded', load_seconds: null, download_bytes: null });
    const before = performance.now();
    await postSpeech(app.url);
    const took = (await told(app))?.load_seconds ?? 0;
    expect(took).toBeGreaterThan(0);
    expect(took).toBeLessThanOrEqual((performance.now() - before) / 1000);
    const again = await start({ DATABASE_URL: app.databaseUrl });
    expect(await told(again)).toMatchObject({ status: 'downloaded', load_seconds: took });
  });

  it('PRELOAD_MODELS loads what it names without a request', async () => {
    const app = await start({ PRELOAD_MODELS: 'fake/echo' });
    await whenModel(app.registry, ({ status }) => status === 'ready');
  });
});

describe('LAZY_LOAD_MODELS=false', () => {
  it('loads what is on disk, and never asks the hub', async () => {
    const { hub } = await startHub();
    const app = await start({ LAZY_LOAD_MODELS: 'false', HF_ENDPOINT: hub.url });
    await whenModel(app.registry, ({ status }) => status === 'ready');
    const absent = await postSpeech(app.url, { model: 'zipformer-gigaspeech-3.3m' });
    expect(absent).toMatchObject({ status: 404, error: { code: 'model_not_downloaded', param: 'model' } });
    expect(hub.requests).toEqual([]);
  });

  it('is not ready before its models are', async () => {
    const env = { LAZY_LOAD_MODELS: 'false', PRELOAD_MODELS: 'fake/echo,fake/held' };
    const app = await start(env, { modelListUrl: FAULTY_MODEL_LIST });
    await whenModel(app.registry, ({ status }) => status === 'ready', 'fake/echo');
    expect(await ready(app)).toBe(503);
    const derived = derivedFolder(app, 'fake/held');
    await mkdir(derived, { recursive: true });
    await writeFile(join(derived, GO_FILE), '');
    await whenModel(app.registry, ({ status }) => status === 'ready', 'fake/held');
    expect(await ready(app)).toBe(200);
  });

  it('does not unload for idleness', async () => {
    const app = await start({ LAZY_LOAD_MODELS: 'false', MODEL_IDLE_TIMEOUT_SECONDS: '1' });
    const { replica } = await whenModel(app.registry, ({ status }) => status === 'ready');
    await postSpeech(app.url, { prompt: 'sleep:10' });
    // Idleness gives no sign when nothing comes of it.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(modelState(app.registry).replica).toMatchObject({ state: 'ready', pid: replica.pid });
  });

  it('brings a worker that died back by itself: no balancer sends a request to a gateway that is not ready', async () => {
    const app = await start({ LAZY_LOAD_MODELS: 'false' });
    const { replica } = await whenModel(app.registry, ({ status }) => status === 'ready');
    for (let dead = replica.pid ?? 0, round = 0; round < 3; round += 1) {
      process.kill(dead, 'SIGKILL');
      const next = await whenModel(app.registry, (model) => model.status === 'ready' && model.replica.pid !== dead);
      dead = next.replica.pid ?? 0;
    }
    expect(await ready(app)).toBe(200);
  });

  it('is not ready when a model it names is not on disk, and says which', async () => {
    const app = await start({ LAZY_LOAD_MODELS: 'false', PRELOAD_MODELS: 'zipformer-gigaspeech-3.3m' });
    const response = await fetch(`${app.url}/health/ready`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      checks: { preloaded_models: { ok: false, reason: expect.stringContaining('zipformer-gigaspeech-3.3m') } },
    });
  });
});

describe('a model whose files are not here', () => {
  it('is not downloaded with AUTO_DOWNLOAD_MODELS=false; the refusal says what an operator can do', async () => {
    const { hub, env } = await startHub();
    const app = await start({ ...env, AUTO_DOWNLOAD_MODELS: 'false' });
    const answer = await postSpeech(app.url);
    expect(answer).toMatchObject({ status: 404, error: { code: 'model_not_downloaded', param: 'model' } });
    expect(answer.error?.message).toContain('AUTO_DOWNLOAD_MODELS=true');
    expect(answer.error?.message).toContain('fake/echo');
    expect(hub.requests).toEqual([]);
  });

  it('is answered with its progress after COLD_START_WAIT_SECONDS, and served once the download has gone on', async () => {
    const { hub, env } = await startHub();
    hub.faults.add({ kind: 'slow', bytesPerSecond: 25_000 });
    const app = await start({ ...env, COLD_START_WAIT_SECONDS: '1' });
    let early = await postSpeech(app.url);
    // On a busy machine the first bytes may take longer than the wait.
    while (early.error?.progress?.bytes === 0) early = await postSpeech(app.url);
    expect(early).toMatchObject({
      status: 503,
      error: { code: 'model_loading', progress: { state: 'downloading', total_bytes: MARKER_BYTES } },
    });
    expect(early.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    const bytes = early.error?.progress?.bytes;
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(MARKER_BYTES);

    await whenModel(app.registry, ({ files }) => files.state === 'present');
    expect((await postSpeech(app.url, { prompt: 'say:here' })).text).toBe('here');
    // One download for everybody: the first request's leaving did not start it again.
    expect(hub.requests.filter(({ file, method }) => file === 'marker.txt' && method === 'GET')).toHaveLength(1);
  });
});

describe('a model that cannot be loaded', () => {
  it('is reported with the reason and a time to wait, in the answer and to the operator', async () => {
    const app = await start({}, { modelListUrl: FAULTY_MODEL_LIST });
    const answer = await postSpeech(app.url, { model: 'fake/broken' });
    const reason = 'The model could not be loaded: the graph has no input named "audio"';
    expect(answer).toMatchObject({ status: 500, error: { code: 'model_load_failed', message: reason } });
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(modelState(app.registry, 'fake/broken')).toMatchObject({ status: 'failed', replica: { reason, pid: null } });
    expect((await postSpeech(app.url)).status).toBe(200);
  });

  it('is not tried for every request: the pause between tries grows', async () => {
    const app = await start({}, { modelListUrl: FAULTY_MODEL_LIST });
    const loads = join(derivedFolder(app, 'fake/broken'), LOADS_FILE);
    const tries = async () => (await readFile(loads, 'utf8')).trim().split('\n').length;
    for (let request = 0; request < 30; request += 1) {
      expect((await postSpeech(app.url, { model: 'fake/broken' })).error?.code).toBe('model_load_failed');
    }
    const early = await tries();
    expect(early).toBeGreaterThanOrEqual(2);
    expect(early).toBeLessThan(8);
    await waitUntil('it is tried again', async () => {
      await postSpeech(app.url, { model: 'fake/broken' });
      return (await tries()) > early;
    });
  });
});
