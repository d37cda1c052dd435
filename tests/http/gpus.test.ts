/** The operators' view of the GPUs, on a gateway whose nvidia-smi plays a DGX. */
import { createParser } from 'eventsource-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminEvent } from '../../backend/src/contract/admin.ts';
import type { GpuDetail, GpuHistory, GpuList, GpuSeries } from '../../backend/src/contract/gpus.ts';
import { type Api, eventually, json, startApi } from '../api/start-api.ts';
import { createFakeDgx, type FakeDgx } from '../support/fake-dgx.ts';
import { ADMIN_KEY } from '../support/start-app.ts';

const MIB = 2 ** 20;

describe('GPUs over HTTP', () => {
  let dgx: FakeDgx;
  let api: Api;
  beforeAll(async () => {
    dgx = await createFakeDgx();
    api = await startApi({ env: { NVIDIA_SMI: dgx.path, GPU_POLL_SECONDS: '1' } });
  });
  afterAll(async () => {
    await api.close();
    await dgx.remove();
  });
  const get = (path: string, init: RequestInit = {}) =>
    api.fetch(`/api/admin/${path}`, { ...init, headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  const list = async () => json<GpuList>(await get('gpus'));
  const errorOf = async (response: Response) => {
    const { error } = await json<{ error: { code: string; message: string } }>(response);
    return [response.status, error.code, error.message];
  };

  it('lists them, and memory moves with the processes that hold it', async () => {
    await eventually(async () => expect(await list()).toMatchObject({ state: 'available', reason: null }));
    const { rev, data } = await list();
    expect(data).toHaveLength(8);
    expect(data[2]).toMatchObject({ index: 2, uuid: dgx.uuids[2], memory_used_bytes: MIB, processes: [] });
    await dgx.allocate(process.pid, dgx.uuids[2] ?? '', 1_000);
    await eventually(async () => expect((await list()).data[2]).toMatchObject({ memory_used_bytes: 1_001 * MIB }));
    expect((await list()).rev).toBeGreaterThan(rev);
  });

  it('tells what the driver says of faults', async () => {
    const well = { recovery_action: 'None', row_remap_failed: false, row_remap_pending: false };
    expect((await list()).data[3]).toMatchObject(well);
    await dgx.change(({ gpus }) => {
      const gpu = gpus[3];
      if (gpu?.ecc == null) throw new Error('the fake has no such GPU');
      gpu.recovery_action = 'Reset';
      gpu.ecc = { ...gpu.ecc, volatile_uncorrected: 2, remap_failed: true, remap_pending: true };
    });
    const ill = { recovery_action: 'Reset', row_remap_failed: true, row_remap_pending: true };
    await eventually(async () => expect((await list()).data[3]).toMatchObject({ ...ill, ecc_uncorrected_errors: 2 }));
    expect((await list()).data[4]).toMatchObject(well);
    expect(await json<GpuDetail>(await get('gpus/3'))).toMatchObject({ recovery_action: 'Reset' });
  });

  it('gives one in full, by index and by UUID', async () => {
    const byIndex = await json<GpuDetail>(await get('gpus/2'));
    expect(byIndex).toMatchObject({ uuid: dgx.uuids[2], pcie: { generation: 5 }, processes: [{ pid: process.pid }] });
    expect((await json<GpuDetail>(await get(`gpus/${dgx.uuids[2]}`))).uuid).toBe(dgx.uuids[2]);
  });

  it('gives the history of one, and refuses a span that is none', async () => {
    const history = await json<GpuHistory>(await get('gpus/2/history?window_seconds=600&step_seconds=600'));
    expect(history).toMatchObject({ uuid: dgx.uuids[2], window_seconds: 600, step_seconds: 600 });
    expect(history.data.at(-1)?.memory_used_bytes?.max).toBe(1_001 * MIB);
    const refused = await get('gpus/2/history?step_seconds=0');
    expect((await errorOf(refused)).slice(0, 2)).toEqual([400, 'invalid_value']);
  });

  it('gives all of them on one axis, with who holds what and what happened', async () => {
    const series = await json<GpuSeries>(await get('gpus/history?window_seconds=60&step_seconds=10'));
    expect(series).toMatchObject({ object: 'gpu.series', step_seconds: 10, count: 6, events: [] });
    expect(series.from % 10).toBe(0);
    expect(series.gpus.map(({ uuid }) => uuid)).toEqual(dgx.uuids);
    const { memory_used_bytes: memory, held } = series.gpus[2] ?? {};
    expect(memory?.last.findLast((value) => value !== null)).toBe(1_001 * MIB);
    expect(memory?.min[0]).toBeNull();
    expect([memory?.min, memory?.max, memory?.last].map((column) => column?.length)).toEqual([6, 6, 6]);
    expect(held).toEqual([]);
    expect((await errorOf(await get('gpus/history?window_seconds=3600&step_seconds=1'))).slice(0, 2)).toEqual([
      400,
      'invalid_value',
    ]);
  });

  it('has no others', async () => {
    for (const path of ['gpus/8', 'gpus/GPU-unknown', 'gpus/8/history']) {
      expect((await errorOf(await get(path))).slice(0, 2)).toEqual([404, 'gpu_not_found']);
    }
  });

  it('tells of each sample on the event stream, from the first on', async () => {
    const stop = new AbortController();
    const response = await get('events', { signal: stop.signal });
    const events: AdminEvent[] = [];
    const parser = createParser({ onEvent: ({ data }) => events.push(JSON.parse(data)) });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    while (events.filter(({ type }) => type === 'gpu.sample').length < 2) {
      parser.feed((await reader?.read())?.value ?? '');
    }
    stop.abort();
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(['snapshot', 'gpu.sample']);
    const revs = events.flatMap((event) => (event.type === 'gpu.sample' ? event.rev : []));
    expect(revs).toEqual(revs.toSorted((a, b) => a - b));
    expect(new Set(revs).size).toBe(revs.length);
  });

  it('tells of the machine', async () => {
    expect(await json(await get('host'))).toMatchObject({ object: 'host', disks: [{ folder: 'data' }, {}, {}] });
  });
});
