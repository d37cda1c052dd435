/** What holds for every plan, held against all plans there could be. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Candidate,
  type Device,
  type Need,
  type Placement,
  planPlacement,
  type Resident,
} from '../../backend/src/registry/placement.ts';

interface Scene {
  need: Need;
  devices: Device[];
  replicas: Resident[];
}

const IDS = ['cpu', 'GPU-a', 'GPU-b'];

const rarely = fc.integer({ min: 0, max: 7 }).map((value) => value === 0);

const resident: fc.Arbitrary<Omit<Resident, 'id'>> = fc.record({
  model: fc.constantFrom('new', 'v', 'w', 'x', 'y', 'z'),
  device: fc.constantFrom(...IDS),
  bytes: fc.integer({ min: 0, max: 12 }),
  state: fc.oneof(
    { weight: 8, arbitrary: fc.constant('ready' as const) },
    fc.constantFrom('starting' as const, 'stopping' as const),
  ),
  busy: rarely,
  pinned: rarely,
  lastUsedAt: fc.integer({ min: 0, max: 6 }),
});

const candidate: fc.Arbitrary<Candidate> = fc.record({
  device: fc.oneof({ weight: 15, arbitrary: fc.constantFrom(...IDS) }, fc.constant('GPU-gone')),
  count: fc.integer({ min: 1, max: 3 }),
  bytesPerReplica: fc.integer({ min: 1, max: 7 }),
});

const machine = fc.record({
  /** Bytes neither replicas nor other programs hold; below 0 where the driver tells of more than there is. */
  spare: fc.integer({ min: -2, max: 8 }),
  others: fc.nat(8),
  reserved: fc.nat(20),
  lost: fc.integer({ min: 0, max: 19 }).map((value) => value === 0),
});

/** Small machines, rather full; what a device has taken is what its replicas and other programs hold. */
const scene: fc.Arbitrary<Scene> = fc
  .record({
    replicas: fc.array(resident, { minLength: 3, maxLength: 18, size: 'max' }),
    machines: fc.tuple(machine, machine, machine),
    on: fc.constantFrom('each' as const, 'any' as const),
    candidates: fc.uniqueArray(candidate, { selector: ({ device }) => device, minLength: 1 }),
    marginBytes: fc.nat(2),
  })
  .map(({ replicas, machines, on, candidates, marginBytes }) => {
    const named = replicas.map((replica, index) => ({ ...replica, id: `r${index}` }));
    const devices = machines.map(({ spare, others, reserved, lost }, index): Device => {
      const id = IDS[index] ?? '';
      const taken = others + sum(named.filter(({ device }) => device === id));
      return {
        id,
        kind: id === 'cpu' ? 'cpu' : 'cuda',
        label: id,
        totalBytes: Math.max(0, taken + spare),
        usedBytes: Math.max(0, taken - reserved),
        reservedBytes: Math.min(taken, reserved),
        unavailable: lost ? 'it is lost' : null,
      };
    });
    return { need: { model: 'new', on, candidates, marginBytes }, replicas: named, devices };
  });

function sum(items: readonly { bytes: number }[]): number {
  return items.reduce((total, { bytes }) => total + bytes, 0);
}

function mayGo({ state, busy, pinned, model }: Resident): boolean {
  return state === 'ready' && !busy && !pinned && model !== 'new';
}

/** Free bytes on the device, all given replicas gone. */
function freeWithout({ totalBytes, usedBytes, reservedBytes }: Device, gone: readonly Resident[]): number {
  return totalBytes - usedBytes - reservedBytes + sum(gone);
}

function* subsets<T>(items: readonly T[]): Generator<T[]> {
  for (let mask = 0; mask < 2 ** items.length; mask += 1) yield items.filter((_, index) => (mask >> index) & 1);
}

/** Negative where `a` is the better set to lose: fewer, then the most recent uses older; equal times by id. */
function compareSets(a: readonly Resident[], b: readonly Resident[]): number {
  if (a.length !== b.length) return a.length - b.length;
  const uses = (set: readonly Resident[]) =>
    set.map(({ lastUsedAt, id }) => `${lastUsedAt} ${id}`).sort((x, y) => (x < y ? 1 : -1));
  const [one, other] = [uses(a).join(), uses(b).join()];
  return one < other ? -1 : Number(one > other);
}

/** By trying every set of replicas that may go: the best to lose, none where there is no way. */
function bestByForce({ need, devices, replicas }: Scene, candidate: Candidate): Resident[] | undefined {
  const device = devices.find(({ id }) => id === candidate.device);
  if (device === undefined || device.unavailable !== null) return undefined;
  const here = replicas.filter((replica) => replica.device === device.id);
  const leaving = here.filter(({ state }) => state === 'stopping');
  const needed = candidate.count * candidate.bytesPerReplica + need.marginBytes;
  let best: Resident[] | undefined;
  for (const set of subsets(here.filter(mayGo))) {
    if (freeWithout(device, [...set, ...leaving]) < needed) continue;
    if (best === undefined || compareSets(set, best) < 0) best = set;
  }
  return best;
}

function candidateOf({ need }: Scene, { device }: { device: string }): Candidate {
  const found = need.candidates.find((candidate) => candidate.device === device);
  if (found === undefined) throw new Error(`${device} was no candidate`);
  return found;
}

function goneFor({ replicas }: Scene, { evictions, leaving }: Placement): Resident[] {
  return replicas.filter(({ id }) => evictions.includes(id) || leaving.includes(id));
}

function planOf({ need, devices, replicas }: Scene) {
  return planPlacement(need, devices, replicas);
}

function check(property: (scene: Scene) => void): void {
  fc.assert(fc.property(scene, property), { numRuns: 2000 });
}

describe('planPlacement', () => {
  it('leaves no device over its budget', () => {
    check((given) => {
      const plan = planOf(given);
      if (!plan.ok) return;
      for (const placement of plan.placements) {
        const { count, bytesPerReplica } = candidateOf(given, placement);
        const device = given.devices.find(({ id }) => id === placement.device);
        const free = device && freeWithout(device, goneFor(given, placement)) - count * bytesPerReplica;
        expect(free).toBeGreaterThanOrEqual(given.need.marginBytes);
        expect(placement.freeBytesAfter).toBe(free);
      }
    });
  });

  it('evicts idle replicas of other models alone, on the device it places on, and waits only for those that leave', () => {
    check((given) => {
      const plan = planOf(given);
      if (!plan.ok) return;
      for (const { device, evictions, leaving } of plan.placements) {
        const found = (ids: string[]) => ids.map((id) => given.replicas.find((replica) => replica.id === id));
        expect(found(evictions).every((replica) => replica?.device === device && mayGo(replica))).toBe(true);
        expect(found(leaving).every((one) => one?.device === device && one.state === 'stopping')).toBe(true);
        expect(new Set(evictions).size).toBe(evictions.length);
      }
    });
  });

  it('evicts on a device the very set that trying all of them finds best, least recently used first', () => {
    check((given) => {
      const plan = planOf(given);
      if (!plan.ok) return;
      for (const placement of plan.placements) {
        const best = bestByForce(given, candidateOf(given, placement));
        const inOrder = best?.toSorted((a, b) => a.lastUsedAt - b.lastUsedAt || (a.id < b.id ? -1 : 1));
        expect(placement.evictions).toEqual(inOrder?.map(({ id }) => id));
      }
    });
  });

  it('refuses exactly where trying everything finds no way', () => {
    check((given) => {
      const ways = given.need.candidates.map((candidate) => bestByForce(given, candidate));
      const plan = planOf(given);
      const possible = given.need.on === 'each' ? ways.every((way) => way !== undefined) : ways.some((way) => way);
      expect(plan.ok).toBe(possible);
      const used = plan.ok ? plan.placements.map(({ device }) => device) : [];
      const all = given.need.candidates.map(({ device }) => device);
      if (given.need.on === 'each') expect(used).toEqual(possible ? all : []);
      else expect(used).toHaveLength(possible ? 1 : 0);
    });
  });

  it('takes for `any` a device of the first kind that can, with the fewest evictions, the oldest uses, most free', () => {
    check((given) => {
      const plan = planOf(given);
      if (!plan.ok || given.need.on !== 'any') return;
      const kindOf = (id: string) => (id === 'cpu' ? 'cpu' : 'cuda');
      const fitting = given.need.candidates.filter((candidate) => bestByForce(given, candidate) !== undefined);
      const firstKind = given.need.candidates
        .filter(({ device }) => device !== 'GPU-gone')
        .map(({ device }) => kindOf(device))
        .find((kind) => fitting.some(({ device }) => kindOf(device) === kind));
      const [taken] = plan.placements;
      expect(taken && kindOf(taken.device)).toBe(firstKind);
      for (const other of fitting.filter(({ device }) => kindOf(device) === firstKind)) {
        const alone = planPlacement({ ...given.need, candidates: [other] }, given.devices, given.replicas);
        const [rival] = alone.ok ? alone.placements : [];
        if (taken === undefined || rival === undefined) throw new Error('a device that fits, and no plan for it');
        expect(taken.evictions.length).toBeLessThanOrEqual(rival.evictions.length);
        const bothFree = [taken, rival].every(({ evictions, leaving }) => evictions.length + leaving.length === 0);
        if (bothFree) expect(taken.freeBytesAfter).toBeGreaterThanOrEqual(rival.freeBytesAfter);
        if (taken.evictions.length > 0 && rival.evictions.length === taken.evictions.length) {
          const uses = ({ evictions }: Placement) =>
            evictions.map((id) => given.replicas.find((replica) => replica.id === id)?.lastUsedAt).reverse();
          expect(uses(taken).join() <= uses(rival).join()).toBe(true);
        }
      }
    });
  });

  it('names in a refusal every candidate that cannot be used, and everything that stays there', () => {
    check((given) => {
      const plan = planOf(given);
      if (plan.ok) return;
      const hopeless = given.need.candidates.filter((candidate) => bestByForce(given, candidate) === undefined);
      expect(plan.refusals.map(({ device }) => device)).toEqual(hopeless.map(({ device }) => device));
      for (const { device, holders, evictableBytes, freeBytes, otherBytes } of plan.refusals) {
        const here = given.replicas.filter((replica) => replica.device === device);
        const staying = here.filter((replica) => replica.state !== 'stopping' && !mayGo(replica));
        expect(holders.map(({ replica }) => replica).sort()).toEqual(
          device === 'GPU-gone' ? [] : staying.map(({ id }) => id).sort(),
        );
        const total = given.devices.find(({ id }) => id === device);
        if (total === undefined || freeWithout(total, []) < 0) continue;
        expect(freeBytes + evictableBytes + otherBytes + sum(holders)).toBe(total.totalBytes);
      }
    });
  });

  it('does not depend on the order of the devices and replicas it is told', () => {
    const shuffled = scene.chain((given) =>
      fc.record({
        given: fc.constant(given),
        devices: fc.shuffledSubarray(given.devices, { minLength: given.devices.length }),
        replicas: fc.shuffledSubarray(given.replicas, { minLength: given.replicas.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ given, devices, replicas }) => {
        expect(planPlacement(given.need, devices, replicas)).toEqual(planOf(given));
      }),
      { numRuns: 1000 },
    );
  });

  it('changes nothing it is given', () => {
    check((given) => {
      const before = structuredClone(given);
      planOf(given);
      expect(given).toEqual(before);
    });
  });
});
