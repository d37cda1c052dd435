/** Columns of charts: layers of memory, gaps, ranges; and the paths of sparklines. */
import { describe, expect, test } from 'vitest';
import type { GpuSeries } from '../../backend/src/contract/gpus.ts';
import { axisOf, type Column, columnOf, memoryLayers, rangeOf } from '../../frontend/src/features/gpus/chart-data.ts';
import { sparklinePath } from '../../frontend/src/features/overview/sparkline-path.ts';

const columns = (last: Column, min: Column = last, max: Column = last) => ({ min, max, last });
const GPU: GpuSeries['gpus'][number] = {
  index: 0,
  uuid: 'GPU-0',
  name: 'H200',
  memory_total_bytes: 100,
  memory_used_bytes: columns([10, null, 60], [5, null, 50], [10, null, 70]),
  utilization_percent: columns([null, null, null]),
  temperature_celsius: columns([40, 41, null]),
  power_watts: columns([100, 200, 300]),
  held: [
    { replica: 'a#0', model: 'a', bytes: [null, null, 20] },
    { replica: 'a#1', model: 'a', bytes: [null, null, 10] },
    { replica: 'b#0', model: 'b', bytes: [4, null, 20] },
  ],
};

describe('charts', () => {
  test('memory lies in layers by model, what is none of theirs on top, and a gap stays one', () => {
    const layers = memoryLayers(GPU, 'others');
    expect(layers.map(({ name, own }) => [name, own])).toEqual([
      ['a', [0, null, 30]],
      ['b', [4, null, 20]],
      ['others', [6, null, 10]],
    ]);
    expect(layers.at(-1)?.top).toEqual(GPU.memory_used_bytes.last);
    expect(layers[1]?.top).toEqual([4, null, 50]);
  });

  test('a span is drawn by its peak, and the range is of the whole hour', () => {
    expect(columnOf(GPU, 'memory')).toEqual([10, null, 70]);
    expect(rangeOf(GPU, 'memory')).toEqual({ last: 60, min: 5, max: 70 });
    expect(rangeOf(GPU, 'temperature')?.last).toBe(41);
    expect(rangeOf(GPU, 'utilization')).toBeUndefined();
    expect(axisOf({ from: 100, step_seconds: 10, count: 3 })).toEqual([100, 110, 120]);
  });
});

describe('a sparkline', () => {
  test('goes from zero to the greatest, and begins anew after a gap', () => {
    expect(sparklinePath([0, 5, null, 10], 30, 12)).toBe('M0 11L10 6M30 1');
  });
  test('without values is empty, of zeros a line at the bottom', () => {
    expect(sparklinePath([], 30, 12)).toBe('');
    expect(sparklinePath([null], 30, 12)).toBe('');
    expect(sparklinePath([0, 0], 30, 12)).toBe('M0 11L30 11');
  });
});
