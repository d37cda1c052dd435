import { expect, test } from 'vitest';
import { backoffDelay } from '../../frontend/src/lib/backoff-delay.ts';

test.each([
  [0, 2_000],
  [1, 4_000],
  [2, 8_000],
  [3, 16_000],
  [4, 30_000],
  [5, 30_000],
  [2_000, 30_000],
])('after %i failures the wait lies between 1 s and %i ms', (failures, bound) => {
  expect(backoffDelay(failures, () => 0)).toBe(1_000);
  expect(backoffDelay(failures, () => 0.5)).toBe((1_000 + bound) / 2);
  expect(backoffDelay(failures, () => 1)).toBe(bound);
});

test('the wait is spread by chance', () => {
  const delays = Array.from({ length: 200 }, () => backoffDelay(10));
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(1_000);
  expect(Math.max(...delays)).toBeLessThanOrEqual(30_000);
  expect(new Set(delays).size).toBeGreaterThan(100);
});
