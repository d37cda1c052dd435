/** Models on the GPUs of a fake DGX: real workers, the driver's figures, and what the operator's API says of both. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminModel } from '../../backend/src/contract/admin.ts';
import { type AuditRow, auditRow } from '../../backend/src/contract/audit.ts';
import type { GpuList } from '../../backend/src/contract/gpus.ts';
import type { PlacementPlan } from '../../backend/src/contract/placement.ts';
import { createFakeDgx, type FakeDgx } from '../support/fake-dgx.ts';
import { GPU_MODEL_LIST, GPU_MODELS, type GpuModel, putGpuModel } from '../support/gpu-models.ts';
import { postSpeech } from '../support/post-speech.ts';
import { ADMIN_KEY, startTestApp, type TestApp } from '../support/start-app.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

const MIB = 2 ** 20;
let dgx: FakeDgx;
let cache: string;

async function start(env: Record<string, string> = {}): Promise<TestApp> {
  return startTestApp({
    modelListUrl: GPU_MODEL_LIST,
    env: {
      NVIDIA_SMI: dgx.path,
      GPU_POLL_SECONDS: '1',
      MODEL_CACHE_DIR: cache,
      // Any file: the fake's workers open no session.
      CUDA_PROVIDER_LIBRARY: process.execPath,
      ...env,
    },
  });
}

beforeAll(async () => {
  dgx = await createFakeDgx();
  cache = await mkdtemp(join(tmpdir(), 'audio-gateway-test-'));
  for (const model of GPU_MODELS) await putGpuModel(cache, model, { allocations: dgx.allocations, mib: 50_000 });
});
afterAll(async () => {
  await dgx.remove();
  await rm(cache, { recursive: true, force: true });
});

function api(app: TestApp) {
  async function send(method: string, path: string, body?: object): Promise<{ status: number; body: never }> {
    const response = await fetch(`${app.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as never };
  }
  const at = (model: GpuModel) => `/api/admin/models/${encodeURIComponent(model)}`;
  const state = (model: GpuModel): AdminModel => app.registry.describe(model) as AdminModel;
  return {
    state,
    load: (model: GpuModel, order: object) => send('POST', `${at(model)}/load`, order),
    unload: (model: GpuModel, order: object = {}) => send('POST', `${at(model)}/unload`, order),
    reload: (model: GpuModel) => send('POST', `${at(model)}/reload`),
    plan: async (model: GpuModel, order: object) =>
      (await send('POST', '/api/admin/placement/plan', { model, ...order })) as { status: number; body: PlacementPlan },
    status: () => send('GET', '/api/admin/status'),
    lastAudit: async (action: string): Promise<AuditRow> => {
      const response = await fetch(`${app.url}/api/admin/audit`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
      const lines = (await response.text()).trimEnd().split('\n');
      const rows = lines.map((line) => auditRow.parse(JSON.parse(line)));
      const found = rows.findLast((row) => row.action === action && row.result === 'success');
      if (found === undefined) throw new Error(`nobody did ${action}`);
      return found;
    },
    gpus: async () => (await send('GET', '/api/admin/gpus')) as { status: number; body: GpuList },
    ready: (model: GpuModel, count = 1) =>
      waitUntil(
        `${count} replicas of ${model}`,
        () => state(model).replicas.filter((replica) => replica.state === 'ready').length === count,
      ),
    live: (model: GpuModel) => state(model).replicas.filter(({ pid }) => pid !== null),
    transcribe: (model: GpuModel, prompt = 'say:hello', fields: Record<string, string> = {}) =>
      postSpeech(app.url, { model, prompt, fields }),
  };
}

describe('a model with an order of its operator', () => {
  let app: TestApp;
  let ops: ReturnType<typeof api>;
  beforeAll(async () => {
    app = await start();
    ops = api(app);
  });
  afterAll(() => app.close());

  it('lives on the GPUs named, by index or UUID, a process for each replica, and is counted as the driver counts it', async () => {
    const answer = await ops.load('gpu/a', { gpu_device_ids: [1, dgx.uuids[2]], replicas_per_gpu: 1 });
    expect(answer).toMatchObject({ status: 202, body: { id: 'gpu/a' } });
    await ops.ready('gpu/a', 2);
    const replicas = ops.live('gpu/a');
    expect(replicas.map(({ device }) => device).sort()).toEqual([dgx.uuids[1], dgx.uuids[2]].sort());
    expect(new Set(replicas.map(({ pid }) => pid)).size).toBe(2);
    expect(replicas.map(({ resident_bytes }) => resident_bytes)).toEqual([50_000 * MIB, 50_000 * MIB]);
    expect(replicas.every(({ bytes_are_measured }) => bytes_are_measured)).toBe(true);
    expect((await ops.transcribe('gpu/a')).text).toBe('hello');
  });

  it('has a replica back that died, while the other one serves', async () => {
    const [victim, other] = ops.live('gpu/a');
    process.kill(victim?.pid ?? 0, 'SIGKILL');
    await waitUntil('it is gone', () => ops.live('gpu/a').every(({ pid }) => pid !== victim?.pid));
    expect((await ops.transcribe('gpu/a')).text).toBe('hello');
    await ops.ready('gpu/a', 2);
    expect(ops.live('gpu/a').map(({ device }) => device)).toContain(victim?.device);
    expect(ops.live('gpu/a').map(({ pid }) => pid)).toContain(other?.pid);
  });

  it('takes memory that comes back, to the last MiB, when it is unloaded', async () => {
    const pids = ops.live('gpu/a').map(({ pid }) => pid);
    expect((await ops.unload('gpu/a')).status).toBe(200);
    await waitUntil('the proof', () => ops.state('gpu/a').replicas.every(({ residue_bytes }) => residue_bytes === 0));
    expect(pids.length).toBe(2);
    const { proofs } = app.registry.detail('gpu/a');
    expect(proofs.slice(0, 2)).toMatchObject([
      { cause: 'unloaded', passed: true, residue_bytes: 0 },
      { cause: 'unloaded', passed: true, residue_bytes: 0 },
    ]);
    expect(proofs.slice(2)).toMatchObject([{ cause: 'crashed', exit_signal: 'SIGKILL', passed: true }]);
    expect(ops.live('gpu/a')).toEqual([]);
    expect(ops.state('gpu/a').placement).toBeNull();
  });

  it('has a replica back that was ended because a request did not fit', async () => {
    await ops.load('gpu/a', { gpu_device_ids: [1] });
    await ops.ready('gpu/a');
    const [before] = ops.live('gpu/a');
    expect(await ops.transcribe('gpu/a', 'oom')).toMatchObject({ error: { code: 'out_of_memory' } });
    await waitUntil('another process has taken its place', () => {
      const [now] = ops.live('gpu/a');
      return now?.state === 'ready' && now.pid !== before?.pid;
    });
    await ops.unload('gpu/a', { force: true });
  });

  it('is refused what cannot be: a GPU that is not there, one named twice, a precision it has not, a stale plan', async () => {
    expect(await ops.load('gpu/a', { gpu_device_ids: [99] })).toMatchObject({
      status: 404,
      body: { error: { code: 'gpu_not_found', param: 'gpu_device_ids' } },
    });
    expect(await ops.load('gpu/a', { gpu_device_ids: [1, dgx.uuids[1]] })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_value', param: 'gpu_device_ids' } },
    });
    expect(await ops.load('gpu/a', { gpu_device_ids: [1], precision: 'fp99' })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_value', param: 'precision' } },
    });
    expect(await ops.load('gpu/a', { gpu_device_ids: [1], keep_alive: 'soon' })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_value', param: 'keep_alive' } },
    });
    const { body: plan } = await ops.plan('gpu/b', { gpu_device_ids: [3] });
    expect(plan).toMatchObject({ possible: true, placements: [{ device: dgx.uuids[3], replicas: 1, evictions: [] }] });
    await ops.load('gpu/c', { gpu_device_ids: [4] });
    await ops.ready('gpu/c');
    expect(await ops.load('gpu/b', { gpu_device_ids: [3], plan_rev: plan.rev })).toMatchObject({
      status: 409,
      body: { error: { code: 'stale_plan', param: 'plan_rev' } },
    });
    await ops.unload('gpu/c');
    await waitUntil('it is gone', () => ops.live('gpu/c').length === 0);
  });

  it('is loaded by a plan that requests to others and changes of other kinds have come after', async () => {
    await ops.load('gpu/c', { gpu_device_ids: [4] });
    await ops.ready('gpu/c');
    const { body: plan } = await ops.plan('gpu/b', { gpu_device_ids: [3] });
    const before = app.registry.rev;
    await ops.transcribe('gpu/c');
    await app.registry.pauseDownload('gpu/a');
    app.registry.noteRepository('gpu/d');
    expect(app.registry.rev).toBeGreaterThan(before);
    expect(await ops.load('gpu/b', { gpu_device_ids: [3], plan_rev: plan.rev })).toMatchObject({ status: 202 });
    await ops.ready('gpu/b');
    // Its own replica has come: that was another world.
    expect(await ops.load('gpu/b', { gpu_device_ids: [3], plan_rev: plan.rev })).toMatchObject({ status: 409 });
    await Promise.all([ops.unload('gpu/b'), ops.unload('gpu/c')]);
    await waitUntil('both are gone', () => ops.live('gpu/b').length + ops.live('gpu/c').length === 0);
  });

  it('needs a new plan when a wish changed alone, or a GPU is lost', async () => {
    await ops.load('gpu/c', { gpu_device_ids: [4] });
    await ops.ready('gpu/c');
    const [replica] = ops.live('gpu/c');
    const refusedAfter = async (move: () => Promise<unknown>) => {
      const { body: plan } = await ops.plan('gpu/b', { gpu_device_ids: [3] });
      await move();
      expect(await ops.load('gpu/b', { gpu_device_ids: [3], plan_rev: plan.rev })).toMatchObject({ status: 409 });
    };
    await refusedAfter(() => ops.load('gpu/c', { gpu_device_ids: [4], keep_alive: 600 }));
    expect(ops.live('gpu/c')[0]?.pid).toBe(replica?.pid);
    expect((await ops.lastAudit('model.load')).changes).toBe(
      JSON.stringify({ 'placement.keep_alive_seconds': { before: null, after: 600 } }),
    );
    const lose = (lost: boolean) =>
      dgx.change(({ gpus }) => {
        for (const gpu of gpus) gpu.lost = lost && gpu.index === 6;
      });
    const shownAs = async (lost: boolean) => {
      await lose(lost);
      const isSo = async () => (await ops.gpus()).body.data.some(({ state }) => state !== 'ok') === lost;
      for (const end = Date.now() + 10_000; !(await isSo()) && Date.now() < end; )
        await ops.plan('gpu/b', { gpu_device_ids: [3] });
    };
    await refusedAfter(() => shownAs(true));
    await shownAs(false);
    await ops.unload('gpu/c');
    await waitUntil('it is gone', () => ops.live('gpu/c').length === 0);
  });

  it('makes room by the least recently used idle one, never by a busy or a pinned one', async () => {
    // 143,771 MiB a card, 50,000 a model: two fit, a third needs room.
    await ops.load('gpu/a', { gpu_device_ids: [5] });
    await ops.ready('gpu/a');
    await ops.load('gpu/b', { gpu_device_ids: [5] });
    await ops.ready('gpu/b');
    await ops.transcribe('gpu/b');
    await ops.transcribe('gpu/a');
    const { body: plan } = await ops.plan('gpu/c', { gpu_device_ids: [5] });
    expect(plan.placements[0]?.evictions).toEqual([ops.live('gpu/b')[0]?.id]);
    await ops.load('gpu/c', { gpu_device_ids: [5] });
    await ops.ready('gpu/c');
    expect(ops.live('gpu/b')).toEqual([]);
    expect(ops.live('gpu/a')).toHaveLength(1);

    // Now both are in use: one busy, one pinned.
    await ops.load('gpu/c', { gpu_device_ids: [5], keep_alive: -1 });
    const busy = ops.transcribe('gpu/a', 'sleep:1500 say:undisturbed');
    await waitUntil('it is busy', () => ops.live('gpu/a')[0]?.in_flight === 1);
    const refused = await ops.load('gpu/d', { gpu_device_ids: [5] });
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'insufficient_memory' } } });
    const holders = (refused.body as { error: { devices: { holders: { model: string; why: string }[] }[] } }).error
      .devices;
    expect(holders[0]?.holders).toMatchObject([
      { model: expect.stringMatching(/gpu\/[ac]/), why: expect.stringMatching(/busy|pinned/) },
      { model: expect.stringMatching(/gpu\/[ac]/), why: expect.stringMatching(/busy|pinned/) },
    ]);
    expect((await busy).text).toBe('undisturbed');
    for (const model of ['gpu/a', 'gpu/c'] as const) await ops.unload(model, { force: true });
  });

  it('counts once while it loads, however much of its memory the driver has seen', async () => {
    const script = { allocations: dgx.allocations, mib: 50_000 };
    await putGpuModel(cache, 'gpu/e', { ...script, warmsUpMs: 3_000 });
    await ops.load('gpu/e', { gpu_device_ids: [4] });
    await waitUntil('the driver has seen it', async () => {
      const used = (await ops.gpus()).body.data[4]?.memory_used_bytes ?? 0;
      return used >= 50_000 * MIB;
    });
    // 45,000 by the catalog: two have room beside it.
    const { body: plan } = await ops.plan('gpu/g', { gpu_device_ids: [4], replicas_per_gpu: 2 });
    expect(ops.state('gpu/e').status).toBe('loading');
    expect(plan).toMatchObject({ possible: true, placements: [{ replicas: 2 }] });
    const { body: refused } = await ops.plan('gpu/g', { gpu_device_ids: [4], replicas_per_gpu: 3 });
    expect(refused.refusals[0]?.message).toMatch(/held by 'gpu\/e' [\d.]+ GiB \(loading\)\.$/);
    await putGpuModel(cache, 'gpu/e', script);
    await ops.unload('gpu/e', { force: true });
  });

  it('is replaced on a full GPU by another form of itself, once its requests are done', async () => {
    // At once, though the card was full a moment ago.
    expect(await ops.load('gpu/a', { gpu_device_ids: [5], replicas_per_gpu: 2 })).toMatchObject({ status: 202 });
    await waitUntil('both are there', () => ops.live('gpu/a').filter(({ state }) => state === 'ready').length === 2);
    const before = ops.live('gpu/a').map(({ id }) => id);
    const busy = ops.transcribe('gpu/a', 'sleep:1500 say:undisturbed');
    await waitUntil('it is busy', () => ops.live('gpu/a').some(({ in_flight }) => in_flight === 1));
    const order = { gpu_device_ids: [5], replicas_per_gpu: 2, max_batch: 2 };
    const { body: plan } = await ops.plan('gpu/a', order);
    expect(plan).toMatchObject({ possible: true, placements: [{ replicas: 2, evictions: [] }] });
    expect(await ops.load('gpu/a', order)).toMatchObject({ status: 202 });
    const next = ops.transcribe('gpu/a', 'say:afterwards');
    expect(await busy).toMatchObject({ status: 200, text: 'undisturbed' });
    expect(await next).toMatchObject({ status: 200, text: 'afterwards' });
    await waitUntil('both are new', () => {
      const ready = ops.live('gpu/a').filter(({ state }) => state === 'ready');
      return ready.length === 2 && !ready.some(({ id }) => before.includes(id));
    });
    await ops.unload('gpu/a', { force: true });
  });

  it('goes when keep_alive says so: the order’s, or that of a single request', async () => {
    await ops.load('gpu/e', { gpu_device_ids: [6], keep_alive: '30m' });
    await ops.ready('gpu/e');
    expect(ops.state('gpu/e').placement).toMatchObject({ keep_alive_seconds: 1800 });
    expect((await ops.transcribe('gpu/e', 'say:last', { keep_alive: '0' })).text).toBe('last');
    await waitUntil('it is unloaded', () => ops.live('gpu/e').length === 0);
    expect(await ops.transcribe('gpu/e', 'say:x', { keep_alive: 'never' })).toMatchObject({
      status: 400,
      error: { code: 'invalid_value', param: 'keep_alive' },
    });
  });

  it('runs a request on the GPU an admin names for it, and on none for anybody else', async () => {
    const onThird = { gpu_device_ids: '3' };
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    const answer = await postSpeech(app.url, { model: 'gpu/d', prompt: 'say:there', fields: onThird, headers });
    expect(answer).toMatchObject({ status: 200, text: 'there' });
    expect(ops.live('gpu/d').map(({ device }) => device)).toEqual([dgx.uuids[3]]);
    expect(await ops.transcribe('gpu/d', 'say:x', onThird)).toMatchObject({
      status: 403,
      error: { code: 'admin_key_required', param: 'gpu_device_ids' },
    });
    await ops.unload('gpu/d', { force: true });
  });

  it('goes on elsewhere when its GPU vanishes: the request in it is answered', async () => {
    await ops.load('gpu/f', { gpu_device_ids: [7] });
    await ops.ready('gpu/f');
    const marker = join(await tempDir(), 'begun');
    const request = ops.transcribe('gpu/f', `once:${marker} sleep:600000`);
    await waitUntil('it has begun', () => ops.live('gpu/f')[0]?.in_flight === 1);
    await dgx.change((scenario) => {
      const gone = scenario.gpus[7];
      if (gone !== undefined) gone.vanished = true;
    });
    expect((await request).status).toBe(200);
    expect(ops.live('gpu/f')[0]?.device).not.toBe(dgx.uuids[7]);
    await dgx.change((scenario) => {
      const back = scenario.gpus[7];
      if (back !== undefined) back.vanished = false;
    });
    await waitUntil('it has returned', () => {
      const live = ops.live('gpu/f');
      return live.length === 1 && live[0]?.state === 'ready' && live[0].device === dgx.uuids[7];
    });
    await ops.unload('gpu/f', { force: true });
  });

  it('says the worker’s own reason when it cannot be loaded, and is tried again on reload', async () => {
    const allocations = dgx.allocations;
    const reason = 'libcudnn.so.9: cannot open shared object file: No such file or directory';
    await putGpuModel(cache, 'gpu/g', { allocations, mib: 50_000, fails: reason });
    await ops.load('gpu/g', { gpu_device_ids: [0] });
    await waitUntil('it has failed', () => ops.state('gpu/g').status === 'failed');
    expect(ops.state('gpu/g').replicas[0]?.reason).toContain(reason);
    const answer = await ops.transcribe('gpu/g');
    expect(answer).toMatchObject({ status: 500, error: { code: 'model_load_failed' } });
    await putGpuModel(cache, 'gpu/g', { allocations, mib: 50_000 });
    expect((await ops.reload('gpu/g')).status).toBe(202);
    await ops.ready('gpu/g');
    await ops.unload('gpu/g', { force: true });
  });

  it('reports memory that did not come back, with the replica’s record and in the audit log', async () => {
    await putGpuModel(cache, 'gpu/h', { allocations: dgx.allocations, mib: 20_000, residueMib: 512 });
    await ops.load('gpu/h', { gpu_device_ids: [0] });
    await ops.ready('gpu/h');
    await ops.unload('gpu/h');
    await waitUntil('the report', () => ops.state('gpu/h').replicas[0]?.residue_bytes === 512 * MIB);
    const { proofs } = app.registry.detail('gpu/h');
    expect(proofs).toHaveLength(1);
    expect(proofs[0]).toMatchObject({ cause: 'unloaded', exit_code: 0, residue_bytes: 512 * MIB, passed: false });
    const { memory_before_bytes: before, memory_after_bytes: after, seconds } = proofs[0] ?? {};
    expect((before ?? 0) - (after ?? 0)).toBe((20_000 - 512) * MIB);
    expect(seconds).toBeGreaterThanOrEqual(5);
    const log = await fetch(`${app.url}/api/admin/audit`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    expect(await log.text()).toContain('gpu.residue');
  });
});

describe('the operator’s orders', () => {
  it('are carried out again at the next start', async () => {
    const dir = await tempDir();
    await mkdir(join(dir, 'data'), { recursive: true });
    const first = await start({ DATA_DIR: join(dir, 'data') });
    const env = { DATA_DIR: join(dir, 'data'), DATABASE_URL: first.databaseUrl };
    const ops = api(first);
    await ops.load('gpu/a', { gpu_device_ids: [2], keep_alive: -1 });
    await ops.ready('gpu/a');
    const second = await start(env);
    const again = api(second);
    await again.ready('gpu/a');
    expect(again.live('gpu/a')[0]).toMatchObject({ device: dgx.uuids[2], pinned: true, bytes_are_measured: true });
    await second.close();
    await first.close();
  });
});

describe('without an order', () => {
  it('a model goes to the GPU with most room, and to the CPU only where ALLOW_CPU_FALLBACK says so', async () => {
    const app = await start({ ALLOW_CPU_FALLBACK: 'true' });
    const ops = api(app);
    try {
      const first = await ops.transcribe('gpu/a');
      expect(first.headers.get('x-model-fallback')).toBeNull();
      expect(dgx.uuids).toContain(ops.live('gpu/a')[0]?.device);
      await ops.unload('gpu/a', { force: true });
      await dgx.change((scenario) => {
        for (const gpu of scenario.gpus) gpu.memory_used_mib = 143_700;
      });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const fallen = await ops.transcribe('gpu/h');
      expect(fallen.headers.get('x-model-fallback')).toBe('cpu');
      expect(ops.state('gpu/h').fallback).toMatch(/room|memory|free/i);
    } finally {
      await app.close();
    }
    const strict = await start();
    try {
      expect(await api(strict).transcribe('gpu/h')).toMatchObject({
        status: 503,
        error: { code: 'insufficient_memory' },
      });
    } finally {
      await strict.close();
    }
  });
});
