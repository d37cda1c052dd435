import { expect, it } from 'vitest';
import { parseTokens } from '../../../backend/src/models/transducer/tokens.ts';
import { createWordBuilder } from '../../../backend/src/models/transducer/words.ts';

const VOCABULARY = parseTokens(
  ['<blk> 0', '<sos/eos> 1', '<unk> 2', '▁THE 3', 'S 4', '▁ 5', '▁CAF 6', '<0xC3> 7', '<0x89> 8', "' 9"].join('\n'),
);

function build(...ids: number[]) {
  const builder = createWordBuilder(VOCABULARY);
  const deltas = ids.map((id, i) => builder.accept({ id, time: i, logprob: -0.1 }));
  return { deltas, words: builder.words };
}

it('pieces become words, and each delta is what the text gained', () => {
  const { deltas, words } = build(3, 4, 3, 9, 4);
  expect(words.map(({ word }) => word)).toEqual(['THES', "THE'S"]);
  expect(words.map(({ start, lastTokenTime }) => [start, lastTokenTime])).toEqual([
    [0, 1],
    [2, 4],
  ]);
  expect(deltas).toEqual(['THE', 'S', ' THE', "'", 'S']);
});

it('a bare word mark begins the word that follows and adds no space of its own', () => {
  const { deltas, words } = build(3, 5, 4, 5, 3, 5);
  expect(words.map(({ word }) => word)).toEqual(['THE', 'S', 'THE']);
  expect(words[1]?.tokens.map(({ id }) => id)).toEqual([5, 4]);
  expect(words[1]?.start).toBe(1);
  expect(deltas.join('')).toBe('THE S THE');
});

it('byte pieces become a character when its last byte is there', () => {
  const { deltas, words } = build(6, 7, 8, 4);
  expect(deltas).toEqual(['CAF', '', 'É', 'S']);
  expect(words.map(({ word }) => word)).toEqual(['CAFÉS']);
  expect(words[0]?.tokens.map(({ id }) => id)).toEqual([6, 7, 8, 4]);
});

it('a character broken off by a new word is dropped', () => {
  expect(build(6, 7, 3).deltas.join('')).toBe('CAF THE');
});

it('a vocabulary that cannot be read is an error of the model', () => {
  expect(() => parseTokens('A 1\nB\n')).toThrow(expect.objectContaining({ code: 'model_load_failed' }));
});
