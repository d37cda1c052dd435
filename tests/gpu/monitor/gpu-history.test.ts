import { describe, expect, it } from 'vitest';
import { HistoryRing } from '../../../backend/src/gpu/gpu-history.ts';
import { aGpu } from './a-gpu.ts';

describe('the last hour of a GPU', () => {
  const START = 1_800_000_000;

  it('gives the least and the greatest of each span, and leaves out spans without a sample', () => {
    const ring = new HistoryRing();
    for (const [second, used, watts] of [
      [0, 5, 100],
      [3, 9, null],
      [9, 7, 90],
      [31, 1, null],
    ] as const) {
      ring.add(START + second, { ...aGpu(0), memory_used_bytes: used, power_watts: watts });
    }
    expect(ring.buckets(START + 32, 3_600, 10)).toEqual([
      {
        at: START,
        memory_used_bytes: { min: 5, max: 9 },
        utilization_percent: { min: 0, max: 0 },
        temperature_celsius: { min: 30, max: 30 },
        power_watts: { min: 90, max: 100 },
      },
      {
        at: START + 30,
        memory_used_bytes: { min: 1, max: 1 },
        utilization_percent: { min: 0, max: 0 },
        temperature_celsius: { min: 30, max: 30 },
        power_watts: null,
      },
    ]);
  });

  it('holds an hour of seconds and no more, however long it runs', () => {
    const ring = new HistoryRing();
    for (let second = 0; second < 9_000; second++) ring.add(START + second, { ...aGpu(0), power_watts: second });
    expect(ring.length).toBe(4_000);
    const buckets = ring.buckets(START + 8_999, 3_600, 1);
    expect(buckets).toHaveLength(3_600);
    expect(buckets[0]).toMatchObject({ at: START + 5_400, power_watts: { min: 5_400, max: 5_400 } });
    expect(buckets.at(-1)).toMatchObject({ at: START + 8_999, power_watts: { max: 8_999 } });
    expect(ring.buckets(START + 8_999, 60, 10)).toHaveLength(6);
  });

  it('takes one sample a second: many on demand must not drive the hour out', () => {
    const ring = new HistoryRing();
    for (let tenth = 0; tenth < 100; tenth++) ring.add(START + tenth / 10, aGpu(0));
    expect(ring.length).toBeGreaterThanOrEqual(10);
    expect(ring.length).toBeLessThanOrEqual(12);
  });
});
