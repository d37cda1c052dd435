import { describe, expect, it } from 'vitest';
import { addErrors, countErrors, errorRate } from '../../backend/src/text/wer.ts';

const counts = (reference: string, hypothesis: string) =>
  countErrors(reference.split(' ').filter(Boolean), hypothesis.split(' ').filter(Boolean));

describe('countErrors', () => {
  it.each([
    ['a b c', 'a b c', { substitutions: 0, insertions: 0, deletions: 0, reference: 3 }],
    ['a b c', 'a x c', { substitutions: 1, insertions: 0, deletions: 0, reference: 3 }],
    ['a b c', 'a c', { substitutions: 0, insertions: 0, deletions: 1, reference: 3 }],
    ['a b c', 'a b x c', { substitutions: 0, insertions: 1, deletions: 0, reference: 3 }],
    ['a b c d e f', 'x b d e f g', { substitutions: 1, insertions: 1, deletions: 1, reference: 6 }],
    ['', 'a b', { substitutions: 0, insertions: 2, deletions: 0, reference: 0 }],
    ['a b', '', { substitutions: 0, insertions: 0, deletions: 2, reference: 2 }],
    ['', '', { substitutions: 0, insertions: 0, deletions: 0, reference: 0 }],
  ])('%j heard as %j', (reference, hypothesis, expected) => {
    expect(counts(reference, hypothesis)).toEqual(expected);
  });

  it('finds the cheapest alignment: equal to a plain recursion on all short strings', () => {
    const strings = ['', 'a', 'b', 'ab', 'ba', 'aa', 'abc', 'cab', 'bca', 'abca', 'ccab', 'bacb'];
    const distance = (a: string, b: string): number =>
      a === '' || b === ''
        ? a.length + b.length
        : Math.min(
            distance(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1),
            distance(a.slice(1), b) + 1,
            distance(a, b.slice(1)) + 1,
          );
    for (const a of strings) {
      for (const b of strings) {
        const { substitutions, insertions, deletions } = countErrors([...a], [...b]);
        expect(substitutions + insertions + deletions, `${a} → ${b}`).toBe(distance(a, b));
        expect(insertions - deletions).toBe(b.length - a.length);
      }
    }
  });

  it('takes an hour of speech without a table of all pairs', () => {
    const words = Array.from({ length: 5000 }, (_, i) => `w${i % 700}`);
    const heard = words.filter((_, i) => i % 10 !== 0);
    expect(countErrors(words, heard)).toMatchObject({ substitutions: 0, insertions: 0, deletions: 500 });
  });
});

describe('errorRate', () => {
  it('is errors over reference words, and over all clips weighs them by length', () => {
    const clips = [counts('a b c d e f g h i', 'a b c d e f g h i'), counts('z', 'y')];
    expect(clips.map(errorRate)).toEqual([0, 1]);
    expect(errorRate(addErrors(clips))).toBe(0.1);
  });

  it('counts words heard in silence', () => {
    expect(errorRate(addErrors([counts('a b', 'a b'), counts('', 'thank you')]))).toBe(1);
    expect(errorRate(counts('', 'thank you'))).toBe(2);
    expect(errorRate(addErrors([]))).toBe(0);
  });
});
