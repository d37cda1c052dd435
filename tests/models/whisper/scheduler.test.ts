import { describe, expect, it } from 'vitest';
import { createScheduler, type SchedulerOptions } from '../../../backend/src/models/whisper/scheduler.ts';

interface Job {
  name: string;
  key?: string;
}

/** A scheduler whose batches wait until they are let go. */
function gated(options: Partial<SchedulerOptions<Job, string>> = {}) {
  const batches: string[][] = [];
  const signals: AbortSignal[] = [];
  const open: (() => void)[] = [];
  const failing = new Set<string>();
  const scheduler = createScheduler<Job, string>({
    maxBatch: 4,
    maxWaitMs: 0,
    key: ({ key = '' }) => key,
    run: async (jobs, signal) => {
      batches.push(jobs.map(({ name }) => name));
      signals.push(signal);
      await new Promise<void>((resolve) => open.push(resolve));
      if (jobs.some(({ name }) => failing.has(name))) throw new Error('this batch cannot be run');
      return jobs.map(({ name }) => `did ${name}`);
    },
    ...options,
  });
  const request = () => {
    const controller = new AbortController();
    const lane = scheduler.open(controller.signal);
    const submit = (name: string, key?: string) => {
      const done = lane.submit(key === undefined ? { name } : { name, key });
      done.catch(() => {});
      return done;
    };
    return { controller, submit };
  };
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  const started = (count: number) => until(() => batches.length >= count);
  /** Lets every batch run as soon as it starts, from now on. */
  const release = () => {
    const timer = setInterval(
      () =>
        open.splice(0).forEach((go) => {
          go();
        }),
      1,
    );
    return () => clearInterval(timer);
  };
  return { batches, signals, open, failing, request, started, release };
}

describe('the window scheduler', () => {
  it('serves requests in turn: a clip does not wait behind a long file', async () => {
    const { batches, open, request, started, release } = gated({ maxBatch: 2 });
    const long = request();
    const windows = Array.from({ length: 6 }, (_, i) => long.submit(`long ${i}`));
    await started(1);
    const clip = request().submit('clip');
    open.splice(0).forEach((go) => {
      go();
    });
    const stop = release();
    expect(await clip).toBe('did clip');
    expect(batches.slice(0, 2)).toEqual([
      ['long 0', 'long 1'],
      ['long 2', 'clip'],
    ]);
    expect(await Promise.all(windows)).toHaveLength(6);
    expect(batches.slice(2)).toEqual([['long 3', 'long 4'], ['long 5']]);
    stop();
  });

  it('shares a batch out evenly, and fills it from one request when there is no other', async () => {
    const { batches, request, started } = gated({ maxBatch: 5 });
    const [a, b, c] = [request(), request(), request()];
    for (const name of ['a1', 'a2', 'a3', 'a4']) a.submit(name);
    for (const name of ['b1', 'b2']) b.submit(name);
    c.submit('c1');
    await started(1);
    expect(batches[0]).toEqual(['a1', 'b1', 'c1', 'a2', 'b2']);
  });

  it('puts jobs of one kind together only', async () => {
    const { batches, request, release } = gated();
    const a = request();
    const b = request();
    const stop = release();
    await Promise.all([a.submit('a1', 'hot'), a.submit('a2'), a.submit('a3', 'hot'), b.submit('b1')]);
    expect(batches).toEqual([
      ['a1', 'a3'],
      ['b1', 'a2'],
    ]);
    stop();
  });

  it('waits for company, but not with a full batch and not longer than told', async () => {
    const { batches, request, started } = gated({ maxBatch: 2, maxWaitMs: 100_000 });
    request().submit('a');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(batches).toEqual([]);
    request().submit('b');
    await started(1);
    expect(batches).toEqual([['a', 'b']]);

    const patient = gated({ maxWaitMs: 30 });
    const before = performance.now();
    patient.request().submit('a');
    await patient.started(1);
    expect(performance.now() - before).toBeGreaterThan(25);
  });

  it('fails the job at fault alone', async () => {
    const { batches, failing, request, release } = gated();
    failing.add('bad');
    const stop = release();
    const results = await Promise.allSettled([request().submit('a'), request().submit('bad'), request().submit('c')]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(batches).toEqual([['a', 'bad', 'c'], ['a'], ['bad'], ['c']]);
    stop();
  });

  it('rejects the jobs of an aborted request at once and goes on with the others', async () => {
    const { batches, signals, open, request, started, release } = gated({ maxBatch: 2 });
    const gone = request();
    const stays = request();
    const running = gone.submit('gone 1');
    const shared = stays.submit('stays 1');
    const waiting = gone.submit('gone 2');
    const next = stays.submit('stays 2');
    await started(1);
    gone.controller.abort(new Error('the client went away'));
    await expect(running).rejects.toThrow('the client went away');
    await expect(waiting).rejects.toThrow('the client went away');
    await expect(gone.submit('gone 3')).rejects.toThrow('the client went away');
    // The batch is still wanted by the other one.
    expect(signals[0]?.aborted).toBe(false);
    open.splice(0).forEach((go) => {
      go();
    });
    const stop = release();
    expect(await shared).toBe('did stays 1');
    expect(await next).toBe('did stays 2');
    expect(batches).toEqual([['gone 1', 'stays 1'], ['stays 2']]);
    stop();
  });

  it('fills batches by rows, and runs a job of too many alone', async () => {
    const { batches, request, release } = gated({ rows: ({ name }) => name.length });
    const names = ['aaa', 'bb', 'cc', 'd', 'eeeeeee', 'f'];
    const one = request();
    const done = names.map((name) => one.submit(name));
    const stop = release();
    await Promise.all(done);
    expect(batches).toEqual([['aaa'], ['bb', 'cc'], ['d'], ['eeeeeee'], ['f']]);
    stop();
  });

  it('tells a batch that nobody waits for it any more', async () => {
    const { signals, request, started } = gated();
    const [a, b] = [request(), request()];
    a.submit('a');
    b.submit('b');
    await started(1);
    a.controller.abort();
    expect(signals[0]?.aborted).toBe(false);
    b.controller.abort();
    expect(signals[0]?.aborted).toBe(true);
  });
});
