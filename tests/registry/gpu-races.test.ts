/** Orders, crashes and failures of the driver that come while something else goes on, on a fake DGX with real workers. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdminModel } from '../../backend/src/contract/admin.ts';
import { createFakeDgx, type FakeDgx } from '../support/fake-dgx.ts';
import { FAILURES } from '../support/fake-nvidia-smi/scenario.ts';
import { GPU_MODEL_LIST, type GpuModel, putGpuModel } from '../support/gpu-models.ts';
import { postSpeech } from '../support/post-speech.ts';
import { ADMIN_KEY, startTestApp, type TestApp } from '../support/start-app.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Operator, operatorOf } from '../tools/dgx-day/gateway.ts';

const MIB = 2 ** 20;
const MODELS = ['gpu/a', 'gpu/b', 'gpu/c', 'gpu/h'] as const;
const SIZE_MIB = 40_000;

describe.each([
  { driver: 'tells processes', hidesProcesses: false },
  { driver: 'tells no processes', hidesProcesses: true },
])('where the driver $driver', ({ hidesProcesses }) => {
  let dgx: FakeDgx;
  let cache: string;
  let app: TestApp;
  let operator: Operator;

  beforeAll(async () => {
    dgx = await createFakeDgx();
    await dgx.change((scenario) => {
      scenario.hides_processes = hidesProcesses;
    });
    cache = await mkdtemp(join(tmpdir(), 'audio-gateway-test-'));
    for (const model of MODELS) {
      await putGpuModel(cache, model, { allocations: dgx.allocations, mib: model === 'gpu/h' ? 200 : SIZE_MIB });
    }
    app = await startTestApp({
      modelListUrl: GPU_MODEL_LIST,
      env: {
        ...{ NVIDIA_SMI: dgx.path, GPU_POLL_SECONDS: '1', MODEL_CACHE_DIR: cache },
        // Any file: the fake's workers open no session.
        CUDA_PROVIDER_LIBRARY: process.execPath,
      },
    });
    operator = operatorOf(app.url, ADMIN_KEY);
  });
  afterAll(async () => {
    await app.close();
    await dgx.remove();
    await rm(cache, { recursive: true, force: true });
  });
  beforeEach(async () => {
    for (const model of MODELS) await operator.post(model, 'unload', { force: true });
    await waitUntil('nothing runs', () => MODELS.every((model) => replicas(model).every(({ pid }) => pid === null)));
  });

  const replicas = (model: GpuModel) => (app.registry.describe(model) as AdminModel).replicas;
  const live = (model: GpuModel) => replicas(model).filter(({ state }) => state === 'ready');
  const load = async (model: GpuModel, gpus: number[], perGpu = 1) =>
    expect(await operator.post(model, 'load', { gpu_device_ids: gpus, replicas_per_gpu: perGpu })).toMatchObject({
      status: 202,
    });
  const ready = (model: GpuModel, count = 1) =>
    waitUntil(`${count} of ${model}`, () => live(model).length === count && replicas(model).every(isSettled));
  const isSettled = ({ state }: AdminModel['replicas'][number]) => state !== 'starting' && state !== 'stopping';

  it('a replica that ends while another loads beside it is neither taken for that one’s memory nor for a residue', async () => {
    await load('gpu/a', [0]);
    await ready('gpu/a');
    await load('gpu/b', [0]);
    await waitUntil('it loads', () => replicas('gpu/b').some(({ pid }) => pid !== null));
    await operator.post('gpu/a', 'unload', { force: true });
    await ready('gpu/b');
    expect(live('gpu/b')[0]?.resident_bytes).toBe(SIZE_MIB * MIB);
    await waitUntil('the proof', () => replicas('gpu/a')[0]?.residue_bytes !== null);
    expect(replicas('gpu/a')[0]?.residue_bytes).toBe(0);
  });

  it('a replica that is retired while a request is on its way to it answers that one before it ends', async () => {
    await load('gpu/a', [0]);
    await ready('gpu/a');
    const [replica] = app.registry.require('gpu/a').replicas;
    let wasBusy: boolean | undefined;
    const result = await app.registry.run('transcription', 'gpu/a', {
      input: { audioPath: process.execPath, limits: { maxSeconds: 1, maxDecodedBytes: 1 } },
      params: { prompt: 'say:answered', temperature: 0, words: false },
      signal: AbortSignal.timeout(20_000),
      onPlaced: () => {
        wasBusy = replica?.resident?.busy;
        replica?.retire();
      },
    });
    expect(wasBusy).toBe(true);
    expect(result.text).toBe('answered');
    await waitUntil('it has ended', () => replica?.state === 'stopped');
  });

  it('replicas of one GPU that are killed together leave no residue behind', async () => {
    await load('gpu/a', [1], 3);
    await ready('gpu/a', 3);
    const killed = live('gpu/a').map(({ id, pid }) => ({ id, pid: pid ?? 0 }));
    await operator.post('gpu/a', 'unload', {});
    for (const { pid } of killed) process.kill(pid, 'SIGKILL');
    const isProven = () => replicas('gpu/a').every(({ residue_bytes: bytes }) => bytes !== null);
    await waitUntil('the proofs', isProven);
    expect(replicas('gpu/a').map(({ residue_bytes: bytes }) => bytes)).toEqual([0, 0, 0]);
  });

  it('a load that waits for its GPU is given up when it is not wanted any more', async () => {
    await load('gpu/a', [2]);
    await load('gpu/b', [2]);
    await waitUntil('it waits', () => replicas('gpu/b').some(({ state, pid }) => state === 'starting' && pid === null));
    await operator.post('gpu/b', 'unload', {});
    // Its turn would be before this one's.
    await load('gpu/c', [2]);
    await ready('gpu/c');
    expect(replicas('gpu/b').filter(({ pid }) => pid !== null)).toEqual([]);
    expect(live('gpu/a')).toHaveLength(1);
  });

  it('of two orders the later one holds, though the first had not begun', async () => {
    await Promise.all([load('gpu/a', [3]), load('gpu/a', [4])]);
    const [order] = app.registry.describe('gpu/a')?.placement?.devices ?? [];
    await ready('gpu/a');
    // Whatever the first one was about to start comes before this.
    await load('gpu/b', [3, 4]);
    await ready('gpu/b', 2);
    expect(live('gpu/a').map(({ device }) => device)).toEqual([order]);
  });

  it('a smaller number of replicas ends those that are too many', async () => {
    await load('gpu/a', [5], 3);
    await ready('gpu/a', 3);
    await load('gpu/a', [5], 1);
    await ready('gpu/a', 1);
  });

  it('a replica of several comes back by itself when it is killed', async () => {
    await load('gpu/a', [5, 6]);
    await ready('gpu/a', 2);
    const before = live('gpu/a').map(({ pid }) => pid);
    process.kill(before[0] ?? 0, 'SIGKILL');
    await waitUntil('it is back', () => live('gpu/a').length === 2 && live('gpu/a')[0]?.pid !== before[0]);
    expect(live('gpu/a')[1]?.pid).toBe(before[1]);
  });

  it('a worker that ends between its load and the measuring of it is not waited for', async () => {
    await load('gpu/a', [7]);
    await waitUntil('it has its memory', async () => {
      const pid = replicas('gpu/a').find(({ state }) => state === 'starting')?.pid;
      return (await readdir(dgx.allocations)).includes(`${pid}.json`);
    });
    process.kill(replicas('gpu/a')[0]?.pid ?? 0, 'SIGKILL');
    await waitUntil('it is known', () => replicas('gpu/a').every(isSettled));
    expect((await postSpeech(app.url, { model: 'gpu/a', prompt: 'say:fine' })).text).toBe('fine');
  });

  it('a driver that fails to answer ends no replica, and sends no model to the CPU', async () => {
    await load('gpu/a', [0]);
    await ready('gpu/a');
    const [before] = live('gpu/a');
    await dgx.change((scenario) => {
      scenario.failure = FAILURES.unknownError;
    });
    try {
      await waitUntil('it is seen', async () => {
        const { error } = await postSpeech(app.url, { model: 'gpu/h', prompt: 'say:x' });
        return error?.code === 'device_unavailable';
      });
      expect(replicas('gpu/h').filter(({ device, pid }) => device === 'cpu' && pid !== null)).toEqual([]);
      expect((await postSpeech(app.url, { model: 'gpu/a', prompt: 'say:still' })).text).toBe('still');
      expect(live('gpu/a')[0]?.pid).toBe(before?.pid);
    } finally {
      await dgx.change((scenario) => {
        scenario.failure = null;
      });
      await waitUntil('it answers', async () => (await postSpeech(app.url, { model: 'gpu/h' })).status === 200);
    }
  });
});
