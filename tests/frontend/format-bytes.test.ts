import { expect, test } from 'vitest';
import { formatBytes } from '../../frontend/src/lib/format-bytes.ts';

test.each([
  [0, '0 B'],
  [1, '1 B'],
  [999, '999 B'],
  [1_000, '1 kB'],
  [1_536, '1.54 kB'],
  [99_940, '99.9 kB'],
  [99_960, '100 kB'],
  [999_499, '999 kB'],
  [999_500, '1 MB'],
  [312_400_000, '312 MB'],
  [3_094_000_000, '3.09 GB'],
  [12_345_678_901, '12.3 GB'],
  [5e15, '5000 TB'],
])('%i is written %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text.replace(' ', '\u00a0'));
});
