/** A plan in words: what fits, what is evicted, what is short, and what to do instead. */
import { describe, expect, test } from 'vitest';
import type { PlacementPlan } from '../../backend/src/contract/placement.ts';
import { alternativesTo, bestDevice, describePlan } from '../../frontend/src/features/models/describe-plan.ts';
import type { DeviceMemory } from '../../frontend/src/lib/device-memory.ts';
import { adminModel, adminReplica } from '../support/admin-model.ts';

const memory = (index: number | null, freeBytes: number, fields: Partial<DeviceMemory> = {}): DeviceMemory => ({
  id: index === null ? 'cpu' : `GPU-${index}`,
  index,
  totalBytes: 100,
  held: [],
  otherBytes: 100 - freeBytes,
  freeBytes,
  unavailable: null,
  ...fields,
});
const plan = (fields: Partial<PlacementPlan>): PlacementPlan => ({
  object: 'placement.plan',
  rev: 1,
  possible: true,
  placements: [],
  refusals: [],
  ...fields,
});
const refusal = (fields: Partial<PlacementPlan['refusals'][number]> = {}) => ({
  code: 'no_room',
  message: 'In the words of the server.',
  device: 'GPU-1',
  needed_bytes: 40,
  free_bytes: 10,
  holders: [
    { replica: 'a#0', model: 'a', bytes: 30, why: 'busy' },
    { replica: 'a#1', model: 'a', bytes: 30, why: 'busy' },
  ],
  ...fields,
});
const MEMORIES = [
  memory(0, 50),
  memory(1, 10),
  memory(2, 90),
  memory(3, 95, { unavailable: 'lost' }),
  memory(null, 99),
];

describe('a plan in words', () => {
  test('says what is free before and after, and what is there already', () => {
    const placements = [
      { device: 'GPU-2', replicas: 1, evictions: [], free_bytes_after: 50 },
      { device: 'GPU-0', replicas: 0, evictions: [], free_bytes_after: 50 },
    ];
    expect(describePlan(plan({ placements }), MEMORIES, [], 0)).toEqual([
      { kind: 'fits', device: 'GPU-2', beforeBytes: 90, afterBytes: 50 },
      { kind: 'there', device: 'GPU-0' },
    ]);
  });

  test('names what is evicted, and how long it has been idle', () => {
    const models = [
      adminModel({ id: 'htdemucs', replicas: [adminReplica({ id: 'htdemucs#0', last_used_at: 1_000 })] }),
    ];
    const placements = [{ device: 'GPU-1', replicas: 1, evictions: ['htdemucs#0'], free_bytes_after: 5 }];
    expect(describePlan(plan({ placements }), MEMORIES, models, 1_840)[1]).toEqual({
      kind: 'evicts',
      device: 'GPU-1',
      model: 'htdemucs',
      idleSeconds: 840,
      requests: 0,
    });
  });

  test('says how much is short and who holds it; other refusals in the words of the server', () => {
    const refusals = [refusal(), refusal({ code: 'device_unavailable', device: 'GPU-3' })];
    expect(describePlan(plan({ possible: false, refusals }), MEMORIES, [], 0)).toEqual([
      { kind: 'short', device: 'GPU-1', bytes: 30, holders: ['a'] },
      { kind: 'refused', device: 'GPU-3', message: 'In the words of the server.' },
    ]);
  });
});

describe('instead of a refused plan', () => {
  const order = { devices: ['GPU-1'], precision: 'fp32' };
  const model = { precisions: ['fp32', 'int8'] };

  test('GPUs that have room, the emptiest first, and other precisions', () => {
    expect(alternativesTo(plan({ possible: false, refusals: [refusal()] }), MEMORIES, model, order)).toEqual([
      { kind: 'device', device: 'GPU-2' },
      { kind: 'device', device: 'GPU-0' },
      { kind: 'precision', precision: 'int8' },
    ]);
  });

  test('nothing where the plan is possible', () => {
    expect(alternativesTo(plan({}), MEMORIES, model, order)).toEqual([]);
  });

  test('the best device is the emptiest GPU that can be used, else the CPU', () => {
    expect(bestDevice(MEMORIES)).toBe('GPU-2');
    expect(bestDevice([memory(null, 10)])).toBe('cpu');
    expect(bestDevice([])).toBeUndefined();
  });
});
