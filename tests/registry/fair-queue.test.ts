import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GatewayError } from '../../backend/src/errors.ts';
import {
  FairQueue,
  type QueueEntry,
  type QueueRequest,
  type Throughput,
} from '../../backend/src/registry/fair-queue.ts';
import type { Lane } from '../../backend/src/registry/lanes.ts';

const NO_LIMIT = Number.MAX_SAFE_INTEGER;
const THROUGHPUT: Throughput = { runningAudioSeconds: 0, realTimeFactor: 0.1, slots: 2 };
const ONE_PLACE: Lane[] = [{ id: 'r', capacity: 2, free: 1 }];

type Wishes = Partial<Omit<QueueRequest<string>, 'payload'>>;

/** `name` is told by the tenant and a number: `a1` is of tenant `a`. */
function request(name: string, wishes: Wishes = {}): QueueRequest<string> {
  return {
    payload: name,
    tenant: name.replace(/\d+$/, ''),
    weight: 1,
    priority: 0,
    audioSeconds: 60,
    alone: false,
    readmitted: false,
    signal: new AbortController().signal,
    onRemoved: () => {},
    ...wishes,
  };
}

function createQueue() {
  const queue = new FairQueue<string>('tiny');
  return {
    queue,
    add: (name: string, wishes?: Wishes, limit = NO_LIMIT) => queue.add(request(name, wishes), limit, THROUGHPUT),
    addMany: (tenant: string, count: number, wishes?: Wishes) => {
      for (let index = 1; index <= count; index += 1)
        queue.add(request(`${tenant}${index}`, wishes), NO_LIMIT, THROUGHPUT);
    },
    /** One place after another: who begins, in order. Each ends at once unless `lasting`. */
    takeOneByOne: (count: number, end: (entry: QueueEntry<string>) => void = (entry) => queue.finish(entry)) => {
      const begun: string[] = [];
      for (let index = 0; index < count; index += 1) {
        for (const { entry } of queue.take(ONE_PLACE)) {
          begun.push(entry.request.payload);
          end(entry);
        }
      }
      return begun;
    },
  };
}

function names(grants: { entry: QueueEntry<string>; lane: string }[]): string[] {
  return grants.map(({ entry, lane }) => `${entry.request.payload}@${lane}`);
}

function errorOf(action: () => void): Partial<GatewayError> {
  try {
    action();
  } catch (error) {
    return error as GatewayError;
  }
  throw new Error('nothing was thrown');
}

describe('tenants', () => {
  it('are served in the order of arrival, each for itself', () => {
    const { addMany, takeOneByOne } = createQueue();
    addMany('a', 4);
    expect(takeOneByOne(5)).toEqual(['a1', 'a2', 'a3', 'a4']);
  });

  it('have a request first whose worker died', () => {
    const { add, addMany, takeOneByOne } = createQueue();
    addMany('a', 2);
    add('b1');
    add('a3', { readmitted: true });
    expect(takeOneByOne(4)).toEqual(['b1', 'a3', 'a1', 'a2']);
  });

  it('wait for one request of a flood, whatever its length', () => {
    const { addMany, add, takeOneByOne } = createQueue();
    addMany('flood', 200);
    takeOneByOne(20);
    add('b1', { audioSeconds: 5 });
    expect(takeOneByOne(2)).toContain('b1');
  });

  it('share audio time, not requests', () => {
    const { addMany, takeOneByOne } = createQueue();
    addMany('long', 20, { audioSeconds: 300 });
    addMany('short', 60, { audioSeconds: 30 });
    const begun = takeOneByOne(44);
    expect(begun.filter((name) => name.startsWith('long'))).toHaveLength(4);
  });

  it('share it by weight', () => {
    const { addMany, takeOneByOne } = createQueue();
    addMany('a', 60, { weight: 3 });
    addMany('b', 60);
    expect(takeOneByOne(40).filter((name) => name.startsWith('a'))).toHaveLength(30);
  });

  it('collect no credit while they are away', () => {
    const { addMany, takeOneByOne } = createQueue();
    addMany('a', 1);
    addMany('b', 100);
    takeOneByOne(50);
    addMany('a', 20);
    expect(takeOneByOne(20).filter((name) => name.startsWith('a'))).toHaveLength(10);
  });

  it('pay for what an unknown duration turned out to be', () => {
    const { queue, addMany, takeOneByOne } = createQueue();
    addMany('unknown', 100, { audioSeconds: undefined });
    addMany('known', 100, { audioSeconds: 30 });
    const finish = (entry: QueueEntry<string>) => queue.finish(entry, entry.tenant === 'unknown' ? 270 : 30);
    expect(takeOneByOne(50, finish).filter((name) => name.startsWith('unknown'))).toHaveLength(5);
  });

  it('pay as soon as the duration is known, before the turn or after it', () => {
    const { queue, add } = createQueue();
    const [a1, a2] = [add('a1', { audioSeconds: undefined }), add('a2', { audioSeconds: undefined })];
    for (const name of ['b1', 'b2', 'b3']) add(name, { audioSeconds: 30 });
    queue.setAudioSeconds(a2, 1);
    const take = () => names(queue.take(ONE_PLACE));
    expect([take(), take()].flat()).toEqual(['a1@r', 'b1@r']);
    queue.setAudioSeconds(a1, 61);
    expect([take(), take(), take()].flat()).toEqual(['b2@r', 'b3@r', 'a2@r']);
  });

  it('get back what a request did not use', () => {
    const { queue, addMany, takeOneByOne } = createQueue();
    addMany('a', 3, { audioSeconds: 300 });
    addMany('b', 3, { audioSeconds: 300 });
    expect(takeOneByOne(3, (entry) => queue.finish(entry, entry.tenant === 'a' ? 0 : 300))).toEqual(['a1', 'a2', 'a3']);
  });

  it('get back what they paid for a turn that came to nothing', () => {
    const { queue, add, takeOneByOne } = createQueue();
    const leaving = add('a1', { alone: true, audioSeconds: 300 });
    queue.take(ONE_PLACE);
    add('a2');
    add('b1');
    queue.remove(leaving);
    expect(takeOneByOne(2)).toEqual(['a2', 'b1']);
  });

  it('pay for requests however short', () => {
    const { addMany, takeOneByOne } = createQueue();
    addMany('a', 9, { audioSeconds: 0 });
    addMany('b', 9, { audioSeconds: 1 });
    expect(takeOneByOne(4)).toEqual(['a1', 'b1', 'a2', 'b2']);
  });

  it('start even when nothing waits and nothing runs any more', () => {
    const { addMany, takeOneByOne } = createQueue();
    addMany('a', 9, { audioSeconds: 300 });
    takeOneByOne(9);
    addMany('a', 1);
    addMany('b', 1);
    expect(takeOneByOne(2)).toEqual(['a1', 'b1']);
  });

  it('never have more than the other, by weight, by as much as one request of each', () => {
    const requests = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 60 });
    const weight = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(requests, requests, weight, weight, (a, b, weightOfA, weightOfB) => {
        const { queue, add } = createQueue();
        for (const audioSeconds of a) add('a', { audioSeconds, weight: weightOfA });
        for (const audioSeconds of b) add('b', { audioSeconds, weight: weightOfB });
        const left = { a: a.length, b: b.length };
        const had = { a: 0, b: 0 };
        const bound = Math.max(...a) / weightOfA + Math.max(...b) / weightOfB;
        while (left.a > 0 && left.b > 0) {
          const [grant] = queue.take(ONE_PLACE);
          if (grant === undefined) throw new Error('a free place and nobody for it');
          const tenant = grant.entry.tenant === 'a' ? 'a' : 'b';
          left[tenant] -= 1;
          had[tenant] += grant.entry.cost / grant.entry.weight;
          queue.finish(grant.entry);
          expect(Math.abs(had.a - had.b)).toBeLessThanOrEqual(bound + 1e-6);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('priorities', () => {
  it('go first when they are higher', () => {
    const { add, takeOneByOne } = createQueue();
    add('low1', { priority: -3 });
    add('normal1');
    add('high1', { priority: 7 });
    expect(takeOneByOne(3)).toEqual(['high1', 'normal1', 'low1']);
  });

  it.each([
    [1, 6],
    [2, 11],
    [10, 51],
  ])('%i lower get one turn in %i of a flood above', (difference, turns) => {
    const { addMany, takeOneByOne } = createQueue();
    addMany('high', 10 * turns, { priority: 3 });
    addMany('low', 10, { priority: 3 - difference });
    const begun = takeOneByOne(5 * turns);
    const at = begun.flatMap((name, index) => (name.startsWith('low') ? [index + 1] : []));
    expect(at).toEqual([1, 2, 3, 4, 5].map((time) => time * turns));
  });

  it('of all heights get their turns', () => {
    const { add, addMany, takeOneByOne } = createQueue();
    addMany('flood', 2000, { priority: 100 });
    for (let priority = -100; priority < 100; priority += 40) add('low', { priority });
    expect(takeOneByOne(1200).filter((name) => name === 'low')).toHaveLength(5);
  });

  it('begin to rise when something waits in them', () => {
    const { queue, add, addMany, takeOneByOne } = createQueue();
    add('low1');
    takeOneByOne(1, () => {});
    addMany('high', 50, { priority: 1 });
    const leaving = add('low2');
    takeOneByOne(4);
    queue.remove(leaving);
    add('low3');
    expect(takeOneByOne(5)).not.toContain('low3');
    expect(takeOneByOne(1)).toEqual(['low3']);
  });
});

describe('replicas', () => {
  const lanes = (...free: [number, number]): Lane[] => [
    { id: 'x', capacity: 2, free: free[0] },
    { id: 'y', capacity: 2, free: free[1] },
  ];

  it('are filled by load: the least loaded takes the next', () => {
    const { queue, addMany } = createQueue();
    addMany('a', 9);
    expect(names(queue.take(lanes(1, 2)))).toEqual(['a1@y', 'a2@x', 'a3@y']);
    expect(queue.take(lanes(0, 0))).toEqual([]);
    expect(queue.take([])).toEqual([]);
    expect(queue.waiting).toBe(6);
  });

  it('are passed by requests for other ones, which hold nobody up and keep their turn', () => {
    const { queue, add } = createQueue();
    add('a1', { mayUse: (lane) => lane === 'y' });
    add('a2');
    add('b1');
    expect(names(queue.take(lanes(1, 0)))).toEqual(['a2@x']);
    expect(names(queue.take(lanes(1, 1)))).toEqual(['b1@x', 'a1@y']);
  });

  it('are emptied for one that must be alone: nobody passes it there, and the others go on', () => {
    const { queue, add, addMany } = createQueue();
    add('a1', { alone: true });
    addMany('b', 9);
    expect(names(queue.take(lanes(1, 1)))).toEqual(['b1@y']);
    expect(names(queue.take(lanes(1, 1)))).toEqual(['b2@y']);
    add('vip1', { priority: 9 });
    expect(names(queue.take(lanes(1, 1)))).toEqual(['vip1@y']);
    expect(names(queue.take(lanes(2, 1)))).toEqual(['a1@x', 'b3@y']);
  });

  it('are emptied one at a time', () => {
    const { queue, addMany } = createQueue();
    addMany('alone', 3, { alone: true });
    addMany('b', 9);
    expect(names(queue.take(lanes(1, 1)))).toEqual(['b1@y']);
    expect(names(queue.take(lanes(2, 0)))).toEqual(['alone1@x']);
    expect(names(queue.take(lanes(0, 1)))).toEqual([]);
    expect(names(queue.take(lanes(2, 1)))).toEqual(['alone2@x', 'b2@y']);
  });

  it('that are being emptied go on being it', () => {
    const { queue, add, addMany } = createQueue();
    add('a1', { alone: true });
    addMany('b', 9);
    expect(names(queue.take(lanes(0, 1)))).toEqual([]);
    expect(names(queue.take(lanes(1, 1)))).toEqual(['b1@x']);
  });

  it('that are emptied and vanish are replaced by another', () => {
    const { queue, add, addMany } = createQueue();
    add('a1', { alone: true });
    addMany('b', 9);
    const [x, y] = lanes(1, 1);
    if (x === undefined || y === undefined) throw new Error('two lanes');
    queue.take([x, y]);
    expect(names(queue.take([y]))).toEqual([]);
    expect(names(queue.take([{ ...y, free: 2 }]))).toEqual(['a1@y']);
  });

  it('are given to the others when the one that must be alone goes', () => {
    const { queue, add, addMany } = createQueue();
    const leaving = new AbortController();
    add('a1', { alone: true, signal: leaving.signal });
    addMany('b', 9);
    expect(names(queue.take(lanes(1, 0)))).toEqual([]);
    leaving.abort();
    expect(names(queue.take(lanes(1, 0)))).toEqual(['b1@x']);
  });

  it('run an alone one within one emptying, under a flood of higher priority', () => {
    const { queue, add, addMany } = createQueue();
    addMany('flood', 500, { priority: 1 });
    add('a1', { alone: true });
    let free = 2;
    const begun: string[] = [];
    for (let round = 0; round < 20; round += 1) {
      const grants = queue.take([{ id: 'x', capacity: 2, free }]);
      begun.push(...grants.map(({ entry }) => entry.request.payload));
      free -= grants.some(({ entry }) => entry.request.alone) ? 2 : grants.length;
      free += 1;
    }
    expect(begun.indexOf('a1')).toBeGreaterThanOrEqual(0);
    expect(begun.indexOf('a1')).toBeLessThanOrEqual(6);
  });
});

describe('a client that goes', () => {
  it('leaves the queue, and is told so once', () => {
    const { queue, add, takeOneByOne } = createQueue();
    const leaving = new AbortController();
    const errors: GatewayError[] = [];
    const entry = add('a1', { signal: leaving.signal, onRemoved: (error) => errors.push(error) });
    add('a2');
    leaving.abort();
    expect(errors).toMatchObject([{ code: 'client_closed_request' }]);
    expect(queue.remove(entry)).toBe(false);
    expect(takeOneByOne(2)).toEqual(['a2']);
  });

  it('is not listened to for longer than it waits', () => {
    const { queue, add } = createQueue();
    const { signal } = new AbortController();
    const first = add('a1', { signal });
    add('a2', { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(2);
    queue.remove(first);
    queue.take(ONE_PLACE);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('is not let in', () => {
    const { add } = createQueue();
    expect(errorOf(() => add('a1', { signal: AbortSignal.abort() }))).toMatchObject({ code: 'client_closed_request' });
  });

  it('is no concern of the queue once its turn has come', () => {
    const { queue, add } = createQueue();
    const leaving = new AbortController();
    const errors: GatewayError[] = [];
    const entry = add('a1', { signal: leaving.signal, onRemoved: (error) => errors.push(error) });
    queue.take(ONE_PLACE);
    leaving.abort();
    expect(errors).toEqual([]);
    expect(entry.state).toBe('running');
    expect(queue.remove(entry)).toBe(false);
  });
});

describe('a full queue', () => {
  const full = () => {
    const made = createQueue();
    const removed: string[] = [];
    const fill = (name: string, wishes: Wishes = {}) =>
      made.add(name, { ...wishes, onRemoved: ({ code }) => removed.push(`${name} ${code}`) }, 4);
    for (const name of ['a1', 'a2', 'a3', 'a4']) fill(name);
    return { ...made, fill, removed };
  };

  it('refuses, and says when to come again', () => {
    const { fill, removed, queue } = full();
    // 4 × 60 s of audio, 0.1 s each, two at a time.
    expect(errorOf(() => fill('a5'))).toMatchObject({
      code: 'server_is_overloaded',
      retryAfterSeconds: 12,
      message: "The model 'tiny' has 4 requests waiting, which is its limit. Try again shortly.",
    });
    expect(removed).toEqual([]);
    expect(queue.waiting).toBe(4);
  });

  it('gives another tenant its share of the places, and no more', () => {
    const { fill, removed, queue } = full();
    fill('b1');
    fill('b2');
    expect(removed).toEqual(['a4 server_is_overloaded', 'a3 server_is_overloaded']);
    expect(errorOf(() => fill('b3'))).toMatchObject({ code: 'server_is_overloaded' });
    expect(errorOf(() => fill('a5'))).toMatchObject({ code: 'server_is_overloaded' });
    expect(queue.waiting).toBe(4);
  });

  it('lets a higher priority in for a lower one, and not the other way', () => {
    const { fill, removed } = full();
    expect(errorOf(() => fill('b1', { priority: -1 }))).toMatchObject({ code: 'server_is_overloaded' });
    fill('a5', { priority: 1 });
    expect(removed).toEqual(['a4 server_is_overloaded']);
  });

  it('moves nobody where the newcomer would have as many as the one who left', () => {
    const { fill } = full();
    fill('c1');
    fill('b1');
    expect(errorOf(() => fill('b2'))).toMatchObject({ code: 'server_is_overloaded' });
  });

  it('gives up the lowest priority first', () => {
    const { fill, add, removed } = full();
    add('low1', { priority: -2, onRemoved: () => removed.push('low1') });
    add('lower1', { priority: -3, onRemoved: () => removed.push('lower1') });
    fill('b1');
    expect(removed).toEqual(['lower1']);
  });

  it('takes back a request whose worker died, and lets nobody push it out', () => {
    const { fill, removed, queue } = full();
    for (const name of ['a5', 'a6', 'a7']) fill(name, { readmitted: true, alone: true });
    expect(queue.waiting).toBe(7);
    fill('b1');
    expect(removed).toEqual(['a4 server_is_overloaded']);
  });
});

describe('position and time', () => {
  it('count what is ahead', () => {
    const { queue, add, addMany } = createQueue();
    addMany('a', 2);
    const third = add('a3');
    const vip = add('vip1', { priority: 1, audioSeconds: 20 });
    expect(queue.position(third)).toBe(4);
    expect(queue.position(vip)).toBe(1);
    const throughput = { runningAudioSeconds: 60, realTimeFactor: 0.5, slots: 2 };
    expect(queue.etaSeconds(third, throughput)).toBe((60 + 20 + 60 + 60) * 0.25);
    queue.take(ONE_PLACE);
    expect(queue.position(vip)).toBe(0);
    expect(queue.etaSeconds(vip, throughput)).toBe(0);
    expect(queue.position(third)).toBe(3);
  });

  it('tell the order that comes about', () => {
    const waiting = fc.array(
      fc.record({
        tenant: fc.constantFrom('a', 'b', 'c'),
        audioSeconds: fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined }),
        weight: fc.constantFrom(1, 2, 3),
      }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(waiting, fc.nat(10), (requests, before) => {
        const { queue, add, takeOneByOne } = createQueue();
        const entries = requests.map((wishes, index) => add(`${wishes.tenant}${index}`, wishes));
        takeOneByOne(before, () => {});
        const told = entries
          .filter((entry) => queue.position(entry) > 0)
          .sort((x, y) => queue.position(x) - queue.position(y))
          .map((entry) => entry.request.payload);
        expect(takeOneByOne(requests.length)).toEqual(told);
      }),
      { numRuns: 300 },
    );
  });
});

describe('whatever happens', () => {
  type Step =
    | { do: 'add'; wishes: Wishes & { tenant: string } }
    | { do: 'take' }
    | { do: 'finish' | 'abort' | 'remove' | 'probe'; which: number; seconds: number };

  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('add' as const),
        wishes: fc.record({
          tenant: fc.constantFrom('a', 'b', 'c'),
          weight: fc.constantFrom(1, 4),
          priority: fc.integer({ min: -2, max: 2 }),
          audioSeconds: fc.option(fc.nat(300), { nil: undefined }),
          alone: fc.nat(4).map((value) => value === 0),
          readmitted: fc.nat(9).map((value) => value === 0),
          mayUse: fc.constantFrom(undefined, undefined, (lane: string) => lane === 'y'),
        }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'finish' as const,
          'finish' as const,
          'abort' as const,
          'remove' as const,
          'probe' as const,
        ),
        which: fc.nat(30),
        seconds: fc.nat(600),
      }),
    },
  );

  /** Plays the steps on two replicas, and counts each request's ends. */
  function play(steps: readonly Step[], limit: number) {
    const queue = new FairQueue<number>('tiny');
    const capacity = { x: 3, y: 2 };
    const outcomes: string[][] = [];
    const entries: QueueEntry<number>[] = [];
    const aborts: AbortController[] = [];
    const running = new Map<QueueEntry<number>, string>();
    const inLane = (lane: string) => [...running].filter(([, id]) => id === lane).map(([entry]) => entry);

    const take = () => {
      const lanes = Object.entries(capacity).map(([id, size]) => {
        const inUse = inLane(id).some(({ request: { alone } }) => alone) ? size : inLane(id).length;
        return { id, capacity: size, free: size - inUse };
      });
      for (const { entry, lane } of queue.take(lanes)) {
        outcomes[entry.request.payload]?.push('granted');
        running.set(entry, lane);
        if (entry.request.mayUse !== undefined) expect(lane).toBe('y');
      }
      for (const [lane, size] of Object.entries(capacity)) {
        expect(inLane(lane).length).toBeLessThanOrEqual(size);
        if (inLane(lane).some(({ request: { alone } }) => alone)) expect(inLane(lane)).toHaveLength(1);
      }
    };
    const finish = (entry: QueueEntry<number>, seconds?: number) => {
      running.delete(entry);
      queue.finish(entry, seconds);
      queue.finish(entry, seconds);
    };

    for (const item of steps) {
      if (item.do === 'add') {
        const payload = outcomes.length;
        const ends: string[] = [];
        outcomes.push(ends);
        const abort = new AbortController();
        const onRemoved = (error: GatewayError) => ends.push(error.code);
        const wishes = { ...request('', item.wishes), payload, signal: abort.signal, onRemoved };
        try {
          entries.push(queue.add(wishes, limit, THROUGHPUT));
          aborts.push(abort);
        } catch {
          ends.push('refused');
        }
      } else if (item.do === 'take') {
        take();
      } else if (item.do === 'finish') {
        const [entry] = [...running.keys()].slice(item.which % Math.max(1, running.size));
        if (entry !== undefined) finish(entry, item.seconds);
      } else {
        const index = item.which % Math.max(1, entries.length);
        const entry = entries[index];
        if (entry === undefined) continue;
        if (item.do === 'abort') aborts[index]?.abort();
        if (item.do === 'probe') queue.setAudioSeconds(entry, item.seconds);
        if (item.do === 'remove' && queue.remove(entry)) outcomes[entry.request.payload]?.push('removed');
      }
      const counted = entries.filter(({ state }) => state === 'waiting' || state === 'due');
      expect(queue.waiting).toBe(counted.length);
      const positions = counted.map((entry) => queue.position(entry)).sort((a, b) => a - b);
      expect(positions).toEqual(counted.map((_, index) => index + 1));
    }
    return { queue, outcomes, running, take, finish };
  }

  it('nothing is lost and nothing comes twice, and who must be alone is', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), fc.integer({ min: 1, max: 12 }), (steps, limit) => {
        const { queue, outcomes, running, take, finish } = play(steps, limit);
        // Each round ends everything that runs, so that each begins something: as many rounds as waiters are enough.
        for (let rounds = queue.waiting + 1; rounds > 0; rounds -= 1) {
          for (const entry of running.keys()) finish(entry);
          take();
        }
        expect(queue.waiting).toBe(0);
        expect(outcomes.every((ends) => ends.length === 1)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves no free place to nobody while somebody waits who could have it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const ordinary = steps.map((item) =>
          item.do === 'add' ? { ...item, wishes: { ...item.wishes, alone: false, mayUse: undefined } } : item,
        );
        const { queue, running, take } = play(ordinary, NO_LIMIT);
        take();
        expect(running.size === 5 || queue.waiting === 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
