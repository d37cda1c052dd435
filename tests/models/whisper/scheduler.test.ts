import { describe, expect, it, onTestFinished, vi } from 'vitest';
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
    return { controller, submit, hears: () => lane.hears() };
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

describe('jobs that are prepared before their batch', () => {
  /** Preparing waits until it is let go, each by its name; batches run at once. */
  function prepared(maxBatch: number, rows?: (job: Job) => number) {
    const preparing: string[] = [];
    const gates = new Map<string, PromiseWithResolvers<void>>();
    const gateOf = (name: string) => {
      const gate = gates.get(name) ?? Promise.withResolvers<void>();
      gates.set(name, gate);
      return gate;
    };
    const { batches, request, release } = gated({
      maxBatch,
      ...(rows === undefined ? {} : { rows }),
      prepare: async ({ name }) => {
        preparing.push(name);
        await gateOf(name).promise;
        if (name.startsWith('bad')) throw new Error('cannot be prepared');
      },
    });
    const at = async (name: string) => {
      while (preparing.at(-1) !== name) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    return { batches, preparing, request, release, at, pass: (name: string) => gateOf(name).resolve() };
  }

  /** A request that had as many jobs as one may and still be young. */
  async function older({ request, pass }: Pick<ReturnType<typeof prepared>, 'request' | 'pass'>) {
    const long = request();
    for (const name of ['a', 'b', 'c', 'd']) {
      pass(name);
      await long.submit(name);
    }
    return long;
  }

  it('a request that comes meanwhile takes the batch over; what was prepared runs in the next', async () => {
    const { batches, preparing, request, release, at, pass } = prepared(4);
    const stop = release();
    const long = await older({ request, pass });
    const windows = ['long 1', 'long 2', 'long 3', 'long 4', 'long 5'].map((name) => long.submit(name));
    pass('long 1');
    await at('long 2');
    const clip = request().submit('clip');
    for (const name of ['clip', 'long 2', 'long 3', 'long 4', 'long 5']) pass(name);
    expect(await clip).toBe('did clip');
    await Promise.all(windows);
    expect(batches.slice(4)).toEqual([['clip'], ['long 1', 'long 2', 'long 3', 'long 4'], ['long 5']]);
    expect(preparing.slice(4, 8)).toEqual(['long 1', 'long 2', 'clip', 'long 1']);
    stop();
  });

  it('takes the batch over with a job of another kind, too', async () => {
    const { batches, request, release, at, pass } = prepared(4);
    const stop = release();
    const long = await older({ request, pass });
    const windows = ['long 1', 'long 2'].map((name) => long.submit(name));
    await at('long 1');
    const language = request().submit('language', 'detect');
    for (const name of ['language', 'long 1', 'long 2']) pass(name);
    await Promise.all([language, ...windows]);
    expect(batches.slice(4)).toEqual([['language'], ['long 1', 'long 2']]);
    stop();
  });

  it('however many come, an older request has a job in each second batch at least', async () => {
    const { batches, request, release, at, pass } = prepared(4);
    const stop = release();
    const long = await older({ request, pass });
    const windows = ['long 1', 'long 2', 'long 3'].map((name) => long.submit(name));
    await at('long 1');
    const clips = [request().submit('clip 1')];
    for (const name of ['clip 1', 'clip 2', 'long 1']) pass(name);
    await at('long 2');
    clips.push(request().submit('clip 2'));
    for (const name of ['long 2', 'long 3']) pass(name);
    await Promise.all([...windows, ...clips]);
    expect(batches.slice(4)).toEqual([['clip 1'], ['long 1', 'clip 2'], ['long 2', 'long 3']]);
    stop();
  });

  it('a job of more rows than a batch has comes first as well', async () => {
    const { batches, request, release, at, pass } = prepared(4, ({ name }) => (name === 'beams' ? 5 : 1));
    const stop = release();
    const long = await older({ request, pass });
    const window = long.submit('long 1');
    await at('long 1');
    const beams = request().submit('beams');
    for (const name of ['long 1', 'beams']) pass(name);
    await Promise.all([window, beams]);
    expect(batches.slice(4)).toEqual([['beams'], ['long 1']]);
    stop();
  });

  it('waits for a request whose audio is being heard, while its batch has room', async () => {
    const { batches, request, release, pass } = prepared(2);
    const stop = release();
    for (const name of ['first', 'second', 'third']) pass(name);
    const [first, second, third] = [request(), request(), request()];
    const heard = new Promise<void>((resolve) => {
      let seconds = 0;
      // A second at each turn of the event loop.
      const hear = () => {
        seconds += 1;
        second.hears();
        if (seconds < 20) setImmediate(hear);
        else resolve();
      };
      hear();
    });
    const done = [first.submit('first'), heard.then(() => second.submit('second'))];
    await Promise.all(done);
    await third.submit('third');
    expect(batches).toEqual([['first', 'second'], ['third']]);
    stop();
  });

  it('waits for a request that has just come, before it hears anything, as long as a job takes and no longer', async () => {
    const { preparing, request, release, at, pass } = prepared(4);
    const stop = release();
    const long = await older({ request, pass });
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const windows = ['long 1', 'long 2'].map((name) => long.submit(name));
    await at('long 1');
    vi.advanceTimersByTime(80);
    const clip = request();
    pass('long 1');
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(preparing.at(-1)).toBe('long 1');
    const done = clip.submit('clip');
    await at('clip');
    // Comes, and is never heard of again.
    request();
    for (const name of ['clip', 'long 2']) pass(name);
    await new Promise((resolve) => setTimeout(resolve, 20));
    vi.advanceTimersByTime(80);
    await Promise.all([done, ...windows]);
    expect(preparing.slice(4)).toEqual(['long 1', 'clip', 'long 1', 'long 2']);
    stop();
  });

  it('what cannot be prepared fails alone, and who left is not prepared', async () => {
    const { batches, preparing, request, release, at, pass } = prepared(4);
    const stop = release();
    const [good, bad, gone] = [request(), request(), request()];
    const results = [good.submit('good'), bad.submit('bad'), gone.submit('gone')];
    await at('good');
    gone.controller.abort(new Error('left'));
    for (const name of ['good', 'bad']) pass(name);
    expect((await Promise.allSettled(results)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(preparing).toEqual(['good', 'bad']);
    expect(batches).toEqual([['good']]);
    stop();
  });
});

describe('memory that runs out in a batch', () => {
  /** A model that holds `room` rows at a time; some jobs fit into no memory, some are no good. */
  function limited(room: number, { maxBatch = 8, rows }: { maxBatch?: number; rows?: (job: Job) => number } = {}) {
    const batches: string[][] = [];
    const smaller: number[] = [];
    const scheduler = createScheduler<Job, string>({
      maxBatch,
      maxWaitMs: 0,
      key: ({ key = '' }) => key,
      ...(rows === undefined ? {} : { rows }),
      async run(jobs) {
        batches.push(jobs.map(({ name }) => name));
        const taken = jobs.reduce((sum, job) => sum + (rows?.(job) ?? 1), 0);
        if (taken > room || jobs.some(({ name }) => name.startsWith('huge'))) throw new Error('std::bad_alloc');
        if (jobs.some(({ name }) => name.startsWith('bad'))) throw new Error('this batch cannot be run');
        return jobs.map(({ name }) => `did ${name}`);
      },
      onSmallerBatch: (size, cause) => {
        expect(cause).toEqual(new Error('std::bad_alloc'));
        smaller.push(size);
      },
    });
    /** Each of another request. */
    const submit = (...names: string[]) =>
      Promise.all(
        names.map((name) =>
          scheduler
            .open(new AbortController().signal)
            .submit({ name })
            .catch((error) => error.code ?? error.message),
        ),
      );
    return { batches, smaller, scheduler, submit };
  }
  const named = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`);
  const did = (names: string[]) => names.map((name) => `did ${name}`);

  it('halves the batch, and every request is answered', async () => {
    const { batches, submit } = limited(4);
    const names = named('a', 8);
    expect(await submit(...names)).toEqual(did(names));
    expect(batches).toEqual([names, names.slice(0, 4), names.slice(4)]);
  });

  it('keeps to the smaller batch from then on, and says so once', async () => {
    const { batches, smaller, scheduler, submit } = limited(4);
    await submit(...named('a', 8));
    expect(scheduler.maxBatch).toBe(4);
    batches.length = 0;
    const names = named('b', 9);
    expect(await submit(...names)).toEqual(did(names));
    expect(batches.map((batch) => batch.length)).toEqual([4, 4, 1]);
    expect(smaller).toEqual([4]);
  });

  it('takes the larger half of an odd batch that was not full', async () => {
    const { batches, scheduler, submit } = limited(2);
    expect(await submit('a', 'b', 'c')).toEqual(did(['a', 'b', 'c']));
    expect(batches).toEqual([['a', 'b', 'c'], ['a', 'b'], ['c']]);
    expect(scheduler.maxBatch).toBe(2);
  });

  it('fails a half that fails again, tries it no further, and goes on with the other', async () => {
    const { batches, scheduler, submit } = limited(8);
    const names = ['a', 'huge', 'c', 'd', 'e', 'f'];
    expect(await submit(...names)).toEqual([...Array(3).fill('out_of_memory'), ...did(['d', 'e', 'f'])]);
    expect(batches).toEqual([names, names.slice(0, 3), names.slice(3)]);
    // The half was too much, too.
    expect(scheduler.maxBatch).toBe(2);
    expect(await submit('later')).toEqual(['did later']);
  });

  it('fails a single job at once, and leaves the batch as it is', async () => {
    const { batches, smaller, scheduler, submit } = limited(8);
    expect(await submit('huge')).toEqual(['out_of_memory']);
    expect(batches).toEqual([['huge']]);
    expect(scheduler.maxBatch).toBe(8);
    expect(smaller).toEqual([]);
    expect(await submit('a', 'b')).toEqual(did(['a', 'b']));
  });

  it('finds the job at fault in a half all the same', async () => {
    const { batches, submit } = limited(2);
    expect(await submit('a', 'bad', 'c', 'd')).toEqual(['did a', 'this batch cannot be run', 'did c', 'did d']);
    expect(batches).toEqual([['a', 'bad', 'c', 'd'], ['a', 'bad'], ['a'], ['bad'], ['c', 'd']]);
  });

  it('counts rows, not jobs', async () => {
    const { batches, scheduler, submit } = limited(5, { maxBatch: 8, rows: ({ name }) => name.length });
    // Seven rows, of which a half has four.
    expect(await submit('aaa', 'b', 'ccc')).toEqual(did(['aaa', 'b', 'ccc']));
    expect(batches).toEqual([['aaa', 'b', 'ccc'], ['aaa', 'b'], ['ccc']]);
    expect(scheduler.maxBatch).toBe(4);
  });

  it('runs nothing again that nobody waits for', async () => {
    const batches: number[] = [];
    const started = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const scheduler = createScheduler<Job, string>({
      maxBatch: 4,
      maxWaitMs: 0,
      key: () => '',
      async run(jobs) {
        batches.push(jobs.length);
        started.resolve();
        await goOn.promise;
        throw new Error('std::bad_alloc');
      },
    });
    const gone = new AbortController();
    const lane = scheduler.open(gone.signal);
    const results = Promise.allSettled(['a', 'b', 'c', 'd'].map((name) => lane.submit({ name })));
    await started.promise;
    gone.abort(new Error('the client went away'));
    goOn.resolve();
    expect((await results).map((result) => result.status === 'rejected' && result.reason.message)).toEqual(
      Array(4).fill('the client went away'),
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(batches).toEqual([4]);
  });
});
