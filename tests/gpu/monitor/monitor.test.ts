/** The loop over a scripted driver: the clock is the test's, so hours pass in no time. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GpuList } from '../../../backend/src/contract/gpus.ts';
import { GpuMonitor } from '../../../backend/src/gpu/monitor.ts';
import { type GpuReading, NvidiaSmiError } from '../../../backend/src/gpu/nvidia-smi.ts';
import type { LogFields, Logger } from '../../../backend/src/logger.ts';
import { silentLog } from '../../support/silent-log.ts';
import { aGpu } from './a-gpu.ts';

const never = new AbortController().signal;
const reading = (count: number, extra: Partial<GpuReading> = {}): GpuReading => ({
  driverVersion: '550.144.03',
  gpus: Array.from({ length: count }, (_, index) => aGpu(index)),
  lost: [],
  warnings: [],
  ...extra,
});
const absent = () => new NvidiaSmiError('absent', 'nvidia-smi: it was not found');
const timeout = () => new NvidiaSmiError('failed', 'nvidia-smi: it did not answer within 15 s');

describe('the GPU monitor', () => {
  /** What the driver says next. */
  let answer: () => Promise<GpuReading>;
  let looks: number;
  let lines: [level: string, message: string, fields: LogFields | undefined][];
  let monitor: GpuMonitor;

  beforeEach(() => {
    vi.useFakeTimers();
    answer = async () => reading(8);
    looks = 0;
    lines = [];
    const at = (level: string) => (message: string, fields?: LogFields) => void lines.push([level, message, fields]);
    const log: Logger = {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: () => log,
    };
    monitor = new GpuMonitor({
      read: () => {
        looks += 1;
        return answer();
      },
      idleIntervalMs: 5_000,
      log,
    });
  });
  afterEach(async () => {
    await monitor.close();
    vi.useRealTimers();
  });
  const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);
  /** Looks in so many seconds. */
  const looksIn = async (seconds: number) => {
    const before = looks;
    await pass(seconds);
    return looks - before;
  };
  const start = async () => {
    monitor.start();
    await pass(0);
  };

  it('knows nothing, and says so, before the driver has answered', () => {
    expect(monitor.current()).toMatchObject({
      state: 'unavailable',
      reason: expect.stringMatching(/not answered yet/),
      rev: 0,
      data: [],
    });
  });

  it('looks every few seconds, and every second while anybody watches closely', async () => {
    await start();
    expect(monitor.current()).toMatchObject({ state: 'available', reason: null, rev: 1 });
    expect(await looksIn(60)).toBe(12);
    await pass(1);
    const [first, second] = [monitor.watchClosely(), monitor.watchClosely()];
    expect(await looksIn(10)).toBeGreaterThanOrEqual(10);
    first();
    first();
    expect(await looksIn(10)).toBe(10);
    second();
    expect(await looksIn(60)).toBe(12);
  });

  it('waits longer after each failure, a minute at most, and not less for those who watch closely', async () => {
    answer = async () => {
      throw timeout();
    };
    await start();
    expect(await looksIn(9.9)).toBe(0);
    expect(await looksIn(0.2)).toBe(1);
    expect(await looksIn(19.8)).toBe(0);
    expect(await looksIn(0.2)).toBe(1);
    await pass(600);
    const release = monitor.watchClosely();
    expect(await looksIn(600)).toBeLessThanOrEqual(11);
    release();
    answer = async () => reading(8);
    await pass(60);
    expect(monitor.current().state).toBe('available');
    expect(await looksIn(60)).toBe(12);
  });

  it('notes that there is no driver once, in one line and one change', async () => {
    answer = async () => {
      throw absent();
    };
    await start();
    const changes: GpuList[] = [];
    monitor.subscribe((list) => changes.push(list));
    await pass(3_600);
    expect(looks).toBeGreaterThan(60);
    expect(lines).toEqual([['info', 'no GPU', { reason: 'nvidia-smi: it was not found' }]]);
    expect(changes).toEqual([]);
    expect(monitor.current()).toMatchObject({ state: 'unavailable', reason: 'nvidia-smi: it was not found', data: [] });
  });

  it('keeps the last figures while it fails, with the time they are from', async () => {
    await start();
    const { sampled_at: at } = monitor.current();
    answer = async () => {
      throw timeout();
    };
    await pass(300);
    expect(monitor.current()).toMatchObject({ state: 'failing', reason: timeout().message, sampled_at: at });
    expect(monitor.current().data).toHaveLength(8);
    expect(lines.map(([level]) => level)).toEqual(['info', 'warn']);
  });

  it('keeps a GPU that vanishes as lost, with what the driver said of it, until it is back', async () => {
    await start();
    const seven = reading(8).gpus.filter(({ index }) => index !== 3);
    const lost = [{ uuid: null, index: null, pciBusId: '0000:3B:00.0', reason: 'GPU is lost' }];
    answer = async () => reading(8, { gpus: seven, lost });
    await pass(60);
    const { state, data, warnings } = monitor.current();
    expect([state, data.length, warnings]).toEqual(['available', 8, []]);
    expect(data[3]).toMatchObject({
      uuid: 'GPU-3',
      state: 'lost',
      reason: 'GPU is lost',
      memory_total_bytes: expect.any(Number),
      memory_used_bytes: null,
      processes: null,
    });
    answer = async () => reading(8);
    await pass(60);
    expect(monitor.current().data[3]).toMatchObject({ state: 'ok', reason: null });
    expect(lines.slice(1).map(([level, message, fields]) => [level, message, fields?.index])).toEqual([
      ['error', 'a GPU is lost', 3],
      ['info', 'a GPU is back', 3],
    ]);
  });

  it('tells of a lost GPU that it has never seen', async () => {
    answer = async () =>
      reading(1, { lost: [{ uuid: null, index: null, pciBusId: '0000:DF:00.0', reason: 'GPU is lost' }] });
    await start();
    expect(monitor.current()).toMatchObject({ state: 'available', warnings: ['GPU 0000:DF:00.0: GPU is lost'] });
    expect(monitor.current().data).toHaveLength(1);
  });

  it('loses all GPUs with the driver', async () => {
    await start();
    answer = async () => {
      throw absent();
    };
    await pass(5);
    expect(monitor.current().data.map((gpu) => gpu.state)).toEqual(Array(8).fill('lost'));
  });

  it('prefers the GPU that is there where a lost one had the same index', async () => {
    await start();
    answer = async () => reading(0, { gpus: [{ ...aGpu(0), uuid: 'GPU-new' }] });
    await pass(5);
    expect(monitor.require('0').uuid).toBe('GPU-new');
    expect(monitor.require('gpu-0')).toMatchObject({ uuid: 'GPU-0', state: 'lost' });
  });

  it('samples on demand: one look for callers of the same moment, and never one that began before they asked', async () => {
    await start();
    let finish = () => {};
    answer = () =>
      new Promise((resolve) => {
        finish = () => resolve(reading(8));
      });
    const before = looks;
    const early = [monitor.sampleNow(never), monitor.sampleNow(never)];
    await pass(0);
    expect(looks).toBe(before + 1);
    // These may not have what the look under way has seen already.
    const late = [monitor.sampleNow(never), monitor.sampleNow(never), monitor.sampleNow(never)];
    finish();
    const [first] = await Promise.all(early);
    await pass(0);
    expect(looks).toBe(before + 2);
    finish();
    const [second] = await Promise.all(late);
    expect(second?.rev).toBe(Number(first?.rev) + 1);
  });

  it('has no sample for who asks while there are no figures, or who leaves', async () => {
    answer = async () => {
      throw absent();
    };
    await expect(monitor.sampleNow(never)).rejects.toMatchObject({ code: 'gpu_unavailable', status: 503 });
    let finish = () => {};
    answer = () =>
      new Promise((resolve) => {
        finish = () => resolve(reading(1));
      });
    const caller = new AbortController();
    const sample = monitor.sampleNow(caller.signal);
    caller.abort();
    await expect(sample).rejects.toMatchObject({ code: 'client_closed_request' });
    finish();
  });

  it('numbers its changes without gaps, and tells each to whoever listens', async () => {
    const revs: number[] = [];
    const stop = monitor.subscribe(({ rev }) => revs.push(rev));
    await start();
    await pass(15);
    stop();
    await pass(15);
    expect(revs).toEqual([1, 2, 3, 4]);
    expect(monitor.current().rev).toBe(7);
  });

  it('gives the history of a GPU by index or UUID, and knows no others', async () => {
    await start();
    await pass(60);
    const { data, ...rest } = monitor.history('GPU-2', { windowSeconds: 600, stepSeconds: 20 });
    expect(rest).toEqual({ object: 'gpu.history', index: 2, uuid: 'GPU-2', window_seconds: 600, step_seconds: 20 });
    expect(data.length).toBeGreaterThanOrEqual(3);
    expect(monitor.history('2', { stepSeconds: 20 }).data).toEqual(data);
    expect(() => monitor.history('9', {})).toThrow(expect.objectContaining({ code: 'gpu_not_found' }));
  });

  it('leaves no timer when it is closed', async () => {
    await start();
    expect(vi.getTimerCount()).toBe(1);
    await monitor.close();
    expect(vi.getTimerCount()).toBe(0);
    monitor.watchClosely();
    expect(await looksIn(60)).toBe(0);
  });

  it('ends the look under way when it is closed', async () => {
    const ended = Promise.withResolvers<void>();
    monitor = new GpuMonitor({
      read: (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            ended.resolve();
            reject(signal.reason);
          });
        }),
      idleIntervalMs: 5_000,
      log: silentLog,
    });
    await start();
    await monitor.close();
    await ended.promise;
    expect(vi.getTimerCount()).toBe(0);
    await expect(monitor.sampleNow(never)).rejects.toMatchObject({ code: 'shutting_down' });
  });
});
