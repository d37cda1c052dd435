import { expect, test } from 'vitest';
import { mergeByRev, upsertByRev } from '../../frontend/src/lib/merge-by-rev.ts';

const entity = (id: string, rev: number, from = '') => ({ id, rev, from });

test('a change that is newer replaces the entity in its place', () => {
  const cached = [entity('a', 1), entity('b', 2)];
  expect(upsertByRev(cached, entity('a', 3, 'stream'))).toEqual([entity('a', 3, 'stream'), entity('b', 2)]);
});

test('a change that is older is dropped', () => {
  const cached = [entity('a', 5, 'cache')];
  expect(upsertByRev(cached, entity('a', 4, 'late'))).toEqual(cached);
});

test('of two with the same rev the one that came last stays', () => {
  expect(upsertByRev([entity('a', 5, 'cache')], entity('a', 5, 'stream'))).toEqual([entity('a', 5, 'stream')]);
});

test('a change of an unknown entity adds it at the end', () => {
  expect(upsertByRev([entity('a', 1)], entity('b', 2))).toEqual([entity('a', 1), entity('b', 2)]);
});

test('a list fetched before a streamed change landed does not undo it', () => {
  const cached = [entity('a', 9, 'stream'), entity('b', 2, 'cache')];
  const fetched = [entity('a', 7, 'fetch'), entity('b', 4, 'fetch')];
  expect(mergeByRev(cached, fetched)).toEqual([entity('a', 9, 'stream'), entity('b', 4, 'fetch')]);
});

test('what a list does not name is gone, unless it appeared after the list was made', () => {
  const cached = [entity('removed', 3), entity('a', 4), entity('added', 8)];
  expect(mergeByRev(cached, [entity('a', 5)])).toEqual([entity('a', 5), entity('added', 8)]);
});

test('the order is the list’s', () => {
  const cached = [entity('a', 1), entity('b', 1)];
  expect(mergeByRev(cached, [entity('b', 2), entity('a', 2)]).map(({ id }) => id)).toEqual(['b', 'a']);
});

test('neither argument is changed', () => {
  const cached = Object.freeze([entity('a', 1)]);
  const fetched = Object.freeze([entity('a', 2)]);
  mergeByRev(cached, fetched);
  upsertByRev(cached, entity('a', 3));
  expect([cached, fetched]).toEqual([[entity('a', 1)], [entity('a', 2)]]);
});
