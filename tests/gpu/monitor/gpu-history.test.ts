import { describe, expect, it } from 'vitest';
import { HistoryRing, spansUntil } from '../../../backend/src/gpu/gpu-history.ts';
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

  it('gives columns on an axis of their own, with nothing where nobody looked', () => {
    const ring = new HistoryRing();
    ring.add(START + 1, { ...aGpu(0), memory_used_bytes: 5, power_watts: null });
    ring.add(START + 9, { ...aGpu(0), memory_used_bytes: 9, power_watts: null });
    ring.add(START + 9.9, { ...aGpu(0), memory_used_bytes: 7, power_watts: null });
    ring.add(START + 31, { ...aGpu(0), memory_used_bytes: 1, power_watts: 80 });
    const spans = spansUntil(START + 32, 40, 10);
    expect(spans).toEqual({ from: START, stepSeconds: 10, count: 4 });
    const columns = ring.columns(spans);
    expect(columns.memory_used_bytes).toEqual({
      min: [5, null, null, 1],
      max: [9, null, null, 1],
      last: [7, null, null, 1],
    });
    expect(columns.power_watts.last).toEqual([null, null, null, 80]);
    expect(ring.columns(spansUntil(START + 9.9, 1, 10)).memory_used_bytes.max).toEqual([9]);
  });

  it('an hour of eight GPUs takes less than a breath', () => {
    const rings = Array.from({ length: 8 }, () => new HistoryRing());
    for (const ring of rings) for (let second = 0; second < 3_600; second++) ring.add(START + second, aGpu(0));
    const spans = spansUntil(START + 3_599, 3_600, 10);
    const times = Array.from({ length: 5 }, () => {
      const begun = performance.now();
      JSON.stringify(rings.map((ring) => ring.columns(spans)));
      return performance.now() - begun;
    });
    expect(Math.min(...times)).toBeLessThan(20);
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
