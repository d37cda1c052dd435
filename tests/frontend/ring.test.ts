import { expect, test } from 'vitest';
import { Ring } from '../../frontend/src/api/live/ring.ts';

test('keeps the last items in order', () => {
  const ring = new Ring<number>(3);
  expect(ring.toArray()).toEqual([]);
  ring.push(1, 2);
  expect([ring.toArray(), ring.at(0), ring.at(2)]).toEqual([[1, 2], 1, undefined]);
  ring.push(3, 4, 5);
  expect([ring.toArray(), ring.at(0), ring.at(2), ring.length]).toEqual([[3, 4, 5], 3, 5, 3]);
  ring.clear();
  ring.push(6);
  expect(ring.toArray()).toEqual([6]);
});

test('tells of every change once, however many items it brings', () => {
  const ring = new Ring<number>(2);
  let told = 0;
  const stop = ring.subscribe(() => {
    told += 1;
  });
  ring.push(1, 2, 3);
  const snapshot = ring.toArray();
  expect(ring.toArray()).toBe(snapshot);
  ring.clear();
  expect(ring.toArray()).not.toBe(snapshot);
  expect([told, snapshot]).toEqual([2, [2, 3]]);
  stop();
  ring.push(4);
  expect(told).toBe(2);
});
