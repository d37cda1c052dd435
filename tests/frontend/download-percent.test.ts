import { expect, test } from 'vitest';
import { downloadPercent } from '../../frontend/src/lib/download-percent.ts';

test.each([
  [0, 200, 0],
  [1, 200, 0],
  [119, 200, 59],
  [199, 200, 99],
])('%i of %i bytes are %i percent', (bytes, total, percent) => {
  expect(downloadPercent(bytes, total)).toBe(percent);
});

test('a download that still runs is not at 100 percent', () => {
  expect(downloadPercent(200, 200)).toBe(99);
});

test('without a total there is no percentage', () => {
  expect(downloadPercent(5, 0)).toBeUndefined();
});
