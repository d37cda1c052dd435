import { expect, test } from 'vitest';
import { type DiffEntry, timeDiff } from '../../../frontend/src/features/evaluate/timed-diff.ts';

const entry = (op: DiffEntry['op'], reference: string | null, hypothesis: string | null) => ({
  op,
  reference,
  hypothesis,
});
const word = (text: string, start: number) => ({ word: text, start });

test('normalised words find the times of those that the model wrote; what is missing has its neighbour’s', () => {
  const diff = [
    entry('deletion', 'OH', null),
    entry('equal', 'HELLO THERE', 'HELLO THERE'),
    entry('deletion', 'BIG', null),
    entry('substitution', 'WORLD', 'WORD'),
  ];
  const words = [word(' Hello,', 0.5), word('there', 1), word('“word”', 2)];
  expect(timeDiff(diff, words).map(({ start }) => start)).toEqual([undefined, 0.5, 1, 2]);
});

test('a word that the normaliser changed does not lose those behind it, and the second of two equal ones is the later', () => {
  const diff = [entry('equal', 'TEN', 'TEN'), entry('equal', 'GO', 'GO'), entry('equal', 'GO', 'GO')];
  const words = [word('10', 0), word('go', 1), word('go', 2)];
  expect(timeDiff(diff, words).map(({ start }) => start)).toEqual([undefined, 1, 2]);
});
