/** The alignment tells the same errors that `countErrors` counts, word by word. */
import { describe, expect, it } from 'vitest';
import { type AlignedWord, alignWords } from '../../backend/src/text/align-words.ts';
import { countErrors } from '../../backend/src/text/wer.ts';
import { seededRandom } from '../support/seeded-random.ts';

const SIGNS = { equal: '=', substitution: '~', deletion: '-', insertion: '+' };
const align = (reference: string, hypothesis: string) =>
  alignWords(words(reference), words(hypothesis))
    .map(
      ({ op, reference: wanted, hypothesis: found }) =>
        `${SIGNS[op]}${[wanted, found].filter((word) => word !== null).join('>')}`,
    )
    .join(' ');
const words = (text: string) => (text === '' ? [] : text.split(' '));

describe('alignWords', () => {
  it('says what became of each word', () => {
    expect(align('a b c', 'a b c')).toBe('=a>a =b>b =c>c');
    expect(align('the cat sat on', 'the hat sat on it')).toBe('=the>the ~cat>hat =sat>sat =on>on +it');
    expect(align('a b c d', 'b d')).toBe('-a =b>b -c =d>d');
    expect(align('', 'a b')).toBe('+a +b');
    expect(align('a b', '')).toBe('-a -b');
    expect(align('', '')).toBe('');
  });

  it('agrees with the counts on any texts, and holds all words of both', () => {
    const random = seededRandom(11);
    for (let round = 0; round < 300; round += 1) {
      const [reference, hypothesis] = [0, 1].map(() =>
        Array.from({ length: Math.floor(30 * random()) }, () => 'abcd'[Math.floor(4 * random())] ?? 'a'),
      ) as [string[], string[]];
      const aligned = alignWords(reference, hypothesis);
      const count = (op: AlignedWord['op']) => aligned.filter((word) => word.op === op).length;
      expect({
        substitutions: count('substitution'),
        insertions: count('insertion'),
        deletions: count('deletion'),
        reference: reference.length,
      }).toEqual(countErrors(reference, hypothesis));
      expect(aligned.flatMap((word) => word.reference ?? [])).toEqual(reference);
      expect(aligned.flatMap((word) => word.hypothesis ?? [])).toEqual(hypothesis);
    }
  });
});
