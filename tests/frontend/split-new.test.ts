import { expect, test } from 'vitest';
import { splitNew } from '../../frontend/src/features/jobs/split-new.ts';

const row = (id: string, created_at: number) => ({ id, created_at });
const rows = [row('d', 40), row('c', 30), row('b', 20), row('a', 10)];

test('rows above the one that was first when the reader looked wait', () => {
  const { fresh, shown } = splitNew(rows, row('b', 20));
  expect([fresh, shown.map(({ id }) => id)]).toEqual([2, ['b', 'a']]);
  expect(splitNew(rows, row('d', 40)).fresh).toBe(0);
});

test('when that row is gone, what is not younger was there', () => {
  expect(splitNew(rows, row('deleted', 25)).fresh).toBe(2);
  expect(splitNew(rows, row('deleted', 5))).toEqual({ fresh: 4, shown: [] });
});

test('a list that was empty shows all that comes', () => {
  expect(splitNew(rows, undefined)).toEqual({ fresh: 0, shown: rows });
});
