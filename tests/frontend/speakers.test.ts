import { expect, test } from 'vitest';
import { markSpeakers, mergeTurns } from '../../frontend/src/lib/speakers.ts';

const lettersOf = (speakers: string[]) => [...markSpeakers(speakers)].map(([, { letter }]) => letter);

test('voices that are called by letters keep them, names take their initial where it is free', () => {
  expect(lettersOf(['A', 'B', 'A'])).toEqual(['A', 'B']);
  expect(lettersOf(['Carol', 'B', 'alice', 'A'])).toEqual(['C', 'B', 'D', 'A']);
  expect(lettersOf(['Bob', 'Bill', 'Ann'])).toEqual(['B', 'A', 'C']);
});

test('no two of many speakers share a letter, and colours come from the eight series', () => {
  const marks = markSpeakers(Array.from({ length: 20 }, (_, index) => `speaker ${index}`));
  expect(new Set([...marks.values()].map(({ letter }) => letter)).size).toBe(20);
  expect([...marks.values()].every(({ series }) => series >= 1 && series <= 8)).toBe(true);
});

test('pauses that nobody would see are closed, between turns of one speaker alone', () => {
  const turns = [
    { start: 0, end: 10, speaker: 'A' },
    { start: 5, end: 6, speaker: 'B' },
    { start: 10.1, end: 20, speaker: 'A' },
    { start: 30, end: 40, speaker: 'A' },
  ];
  expect(mergeTurns(turns, 100)).toEqual([
    { start: 0, end: 20, speaker: 'A' },
    { start: 5, end: 6, speaker: 'B' },
    { start: 30, end: 40, speaker: 'A' },
  ]);
  expect(turns[0]?.end).toBe(10);
});

test('a long talk stays below the number of regions that a page draws', () => {
  const turns = Array.from({ length: 5000 }, (_, index) => ({
    start: index * 2,
    end: index * 2 + 1.5,
    speaker: index % 2 === 0 ? 'A' : 'B',
  }));
  expect(mergeTurns(turns, 10_000).length).toBeLessThanOrEqual(150);
});
