import { describe, expect, it } from 'vitest';
import {
  type Device,
  type Need,
  type Plan,
  planPlacement,
  type Resident,
} from '../../backend/src/registry/placement.ts';

const GIB = 2 ** 30;

function gpu(index: number, usedGiB: number, more: Partial<Device> = {}): Device {
  return {
    id: `GPU-${index}`,
    kind: 'cuda',
    label: `GPU ${index}`,
    totalBytes: 141 * GIB,
    usedBytes: usedGiB * GIB,
    reservedBytes: 0,
    unavailable: null,
    ...more,
  };
}

function resident(id: string, device: number, gib: number, lastUsedAt: number, more: Partial<Resident> = {}): Resident {
  return {
    id,
    model: id.split('#')[0] ?? id,
    device: `GPU-${device}`,
    bytes: gib * GIB,
    state: 'ready',
    busy: false,
    pinned: false,
    lastUsedAt,
    ...more,
  };
}

function need(on: Need['on'], gpus: number[], gib: number, count = 1): Need {
  return {
    model: 'new',
    on,
    candidates: gpus.map((index) => ({ device: `GPU-${index}`, count, bytesPerReplica: gib * GIB })),
    marginBytes: GIB,
  };
}

function placementsOf(plan: Plan) {
  if (!plan.ok) throw new Error(plan.refusals.map(({ message }) => message).join(' '));
  return plan.placements;
}

function refusalsOf(plan: Plan) {
  if (plan.ok) throw new Error('a plan where there is no room');
  return plan.refusals;
}

describe('replicas on each device asked for', () => {
  it('puts as many as asked on every one', () => {
    const plan = planPlacement(need('each', [1, 2], 10, 2), [gpu(0, 0), gpu(1, 0), gpu(2, 50)], []);
    expect(placementsOf(plan)).toEqual([
      { device: 'GPU-1', count: 2, evictions: [], leaving: [], freeBytesAfter: 121 * GIB },
      { device: 'GPU-2', count: 2, evictions: [], leaving: [], freeBytesAfter: 71 * GIB },
    ]);
  });

  it('evicts on each what that one needs', () => {
    const replicas = [resident('a#0', 1, 30, 5), resident('b#0', 1, 30, 4), resident('c#0', 2, 100, 1)];
    const plan = planPlacement(need('each', [1, 2], 100), [gpu(1, 60), gpu(2, 100)], replicas);
    expect(placementsOf(plan).map(({ evictions }) => evictions)).toEqual([['b#0'], ['c#0']]);
  });

  it('refuses all when one cannot, and names every one that cannot', () => {
    const devices = [gpu(1, 0), gpu(2, 140), gpu(3, 0, { unavailable: 'it is in MIG mode' })];
    const refusals = refusalsOf(planPlacement(need('each', [1, 2, 3, 4], 10), devices, []));
    expect(refusals.map(({ device, code }) => [device, code])).toEqual([
      ['GPU-2', 'no_room'],
      ['GPU-3', 'device_unavailable'],
      ['GPU-4', 'unknown_device'],
    ]);
    expect(refusals[1]?.message).toBe('GPU 3 cannot be used: it is in MIG mode.');
  });

  it('does not count the same memory twice for a device listed twice', () => {
    const refusals = refusalsOf(planPlacement(need('each', [1, 1], 100), [gpu(1, 0)], []));
    expect(refusals.map(({ code }) => code)).toEqual(['device_listed_twice', 'device_listed_twice']);
  });
});

describe('a replica on any one device', () => {
  const devices = [gpu(0, 100), gpu(1, 20), gpu(2, 60)];

  it('goes where most memory is free', () => {
    expect(placementsOf(planPlacement(need('any', [0, 1, 2], 30), devices, []))[0]?.device).toBe('GPU-1');
  });

  it('goes where the operator said first when that makes no difference', () => {
    const equal = [gpu(0, 50), gpu(1, 50)];
    expect(placementsOf(planPlacement(need('any', [1, 0], 30), equal, []))[0]?.device).toBe('GPU-1');
  });

  it('rather evicts nothing than goes where more would be free', () => {
    const replicas = [resident('a#0', 1, 121, 0)];
    const plan = planPlacement(need('any', [1, 0], 30), [gpu(0, 100), gpu(1, 121)], replicas);
    expect(placementsOf(plan)).toMatchObject([{ device: 'GPU-0', evictions: [] }]);
  });

  it('rather waits for nobody than goes where more will be free', () => {
    const replicas = [resident('gone#0', 1, 121, 0, { state: 'stopping' })];
    const plan = planPlacement(need('any', [1, 0], 30), [gpu(0, 100), gpu(1, 121)], replicas);
    expect(placementsOf(plan)).toMatchObject([{ device: 'GPU-0', leaving: [] }]);
  });

  it('evicts the least recently used of all the devices, fewest first', () => {
    const full = [gpu(0, 140), gpu(1, 140), gpu(2, 140)];
    const replicas = [
      resident('recent#0', 0, 140, 9),
      resident('old#0', 1, 140, 3),
      resident('older#0', 2, 70, 1),
      resident('older#1', 2, 70, 2),
    ];
    const plan = planPlacement(need('any', [0, 1, 2], 100), full, replicas);
    expect(placementsOf(plan)).toMatchObject([{ device: 'GPU-1', evictions: ['old#0'] }]);
  });

  it('stays on the GPUs, evicting, where the CPU was named after them', () => {
    const cpu: Device = { ...gpu(9, 0), id: 'cpu', kind: 'cpu', label: 'the CPU', totalBytes: 2048 * GIB };
    const asked = need('any', [0, 1], 100);
    const withCpu = { ...asked, candidates: [...asked.candidates, { device: 'cpu', count: 1, bytesPerReplica: GIB }] };
    const idle = [resident('a#0', 1, 120, 1)];
    const busy = [resident('a#0', 1, 120, 1, { busy: true })];
    const machine = [cpu, gpu(0, 140), gpu(1, 120)];
    expect(placementsOf(planPlacement(withCpu, machine, idle))).toMatchObject([{ device: 'GPU-1' }]);
    expect(placementsOf(planPlacement(withCpu, machine, busy))).toMatchObject([{ device: 'cpu' }]);
    const cpuBetween = { ...withCpu, candidates: [0, 2, 1].flatMap((index) => withCpu.candidates[index] ?? []) };
    expect(placementsOf(planPlacement(cpuBetween, machine, idle))).toMatchObject([{ device: 'GPU-1' }]);
  });

  it('is refused with the reason of every device', () => {
    const refusals = refusalsOf(planPlacement(need('any', [0, 1, 2], 130), devices, []));
    expect(refusals.map(({ device }) => device)).toEqual(['GPU-0', 'GPU-1', 'GPU-2']);
  });
});

describe('what is evicted', () => {
  const evictedFor = (gib: number, replicas: Resident[], used: number) =>
    placementsOf(planPlacement(need('any', [0], gib), [gpu(0, used)], replicas)).flatMap(({ evictions }) => evictions);

  it('is one large replica rather than two small ones used longer ago', () => {
    const replicas = [resident('small#0', 0, 30, 1), resident('small#1', 0, 30, 2), resident('large#0', 0, 60, 9)];
    expect(evictedFor(75, replicas, 120)).toEqual(['large#0']);
  });

  it('is the set whose most recent use is oldest, oldest first', () => {
    const replicas = [
      resident('d#0', 0, 50, 9),
      resident('c#0', 0, 30, 3),
      resident('b#0', 0, 25, 2),
      resident('a#0', 0, 5, 1),
    ];
    // Two are needed for 55 GiB; the largest two are not the ones: c and b will do, and spare d.
    expect(evictedFor(85, replicas, 110)).toEqual(['b#0', 'c#0']);
  });

  it('is told by id where the uses are equally old', () => {
    const replicas = ['c#0', 'a#0', 'b#0'].map((id) => resident(id, 0, 40, 7));
    expect(evictedFor(50, replicas, 120)).toEqual(['a#0']);
  });

  it('counts what is promised and not yet used', () => {
    const reserved = gpu(0, 40, { reservedBytes: 60 * GIB });
    const refusals = refusalsOf(planPlacement(need('any', [0], 60), [reserved], []));
    expect(refusals).toMatchObject([{ code: 'no_room', freeBytes: 41 * GIB, neededBytes: 61 * GIB }]);
  });

  it('is nothing where a replica on its way out is enough: its end is waited for', () => {
    const replicas = [resident('gone#0', 0, 60, 9, { state: 'stopping' }), resident('idle#0', 0, 60, 1)];
    const [placement] = placementsOf(planPlacement(need('any', [0], 60), [gpu(0, 120)], replicas));
    expect(placement).toMatchObject({ evictions: [], leaving: ['gone#0'], freeBytesAfter: 21 * GIB });
    const [roomy] = placementsOf(planPlacement(need('any', [0], 10), [gpu(0, 120)], replicas));
    expect(roomy).toMatchObject({ evictions: [], leaving: [] });
  });

  it('is found at once among 64 replicas of awkward sizes', () => {
    const replicas = Array.from({ length: 64 }, (_, index) =>
      resident(`m#${String(index).padStart(2, '0')}`, 0, 1 + ((index * 37) % 64) / 64, index),
    );
    const used = replicas.reduce((sum, { bytes }) => sum + bytes, 0) / GIB;
    const evicted = evictedFor(170 - used, replicas, used);
    // A shortfall of 30 GiB: the sixteen largest hold 29.6; seventeen are needed, and the most recent of all can be spared.
    expect(evicted).toHaveLength(17);
    expect(evicted).not.toContain('m#63');
  });
});

describe('a refusal', () => {
  it('says what holds the memory, and why each one stays', () => {
    const replicas = [
      resident('idle#0', 0, 5, 0),
      resident('busy#0', 0, 20, 0, { busy: true }),
      resident('pinned#0', 0, 40, 0, { pinned: true, busy: true }),
      resident('loading#0', 0, 30, 0, { state: 'starting' }),
      resident('new#0', 0, 10, 0),
      resident('elsewhere#0', 1, 50, 0, { busy: true }),
    ];
    const device = gpu(0, 80, { reservedBytes: 30 * GIB });
    const [refusal] = refusalsOf(planPlacement(need('any', [0], 50), [device, gpu(1, 50)], replicas));
    expect(refusal).toEqual({
      code: 'no_room',
      device: 'GPU-0',
      message:
        "The model 'new' needs 51.0 GiB on GPU 0, which has 31.0 GiB free and 5.0 GiB in idle models. The rest is held by 'pinned' 40.0 GiB (pinned), 'loading' 30.0 GiB (loading), 'busy' 20.0 GiB (busy), 'new' 10.0 GiB (the same model), other programs 5.0 GiB.",
      neededBytes: 51 * GIB,
      freeBytes: 31 * GIB,
      evictableBytes: 5 * GIB,
      otherBytes: 5 * GIB,
      holders: [
        { replica: 'pinned#0', model: 'pinned', bytes: 40 * GIB, why: 'pinned' },
        { replica: 'loading#0', model: 'loading', bytes: 30 * GIB, why: 'loading' },
        { replica: 'busy#0', model: 'busy', bytes: 20 * GIB, why: 'busy' },
        { replica: 'new#0', model: 'new', bytes: 10 * GIB, why: 'same_model' },
      ],
    });
  });

  it('says so when the device is too small even when empty', () => {
    const [refusal] = refusalsOf(planPlacement(need('each', [0], 80, 2), [gpu(0, 0)], []));
    expect(refusal).toMatchObject({
      code: 'device_too_small',
      message: "The model 'new' needs 161.0 GiB on GPU 0, which has 141.0 GiB in all.",
    });
  });
});
