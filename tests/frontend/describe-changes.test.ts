import { expect, test } from 'vitest';
import { describeChanges } from '../../frontend/src/features/models/describe-changes.ts';

const model = (id: string, status: string, bytes = 0) => ({ id, status, files: { bytes, total_bytes: 100 } });

test('a status that changed is said, one that did not is not', () => {
  const before = [model('a', 'loading'), model('b', 'ready')];
  expect(describeChanges(before, [model('a', 'ready'), model('b', 'ready')])).toEqual([{ id: 'a', change: 'ready' }]);
});

test('a download is said at every quarter only', () => {
  const at = (bytes: number) => [model('a', 'downloading', bytes)];
  expect(describeChanges(at(10), at(24))).toEqual([]);
  expect(describeChanges(at(24), at(26))).toEqual([{ id: 'a', change: 25 }]);
  expect(describeChanges(at(26), at(80))).toEqual([{ id: 'a', change: 75 }]);
});

test('a model that was not there before is not a change', () => {
  expect(describeChanges([], [model('a', 'ready')])).toEqual([]);
});
