import { expect, it } from 'vitest';
import { createGreedySearch } from '../../../backend/src/models/transducer/greedy-search.ts';
import { fakeSession, tensor } from './fake-session.ts';

const VOCABULARY = 8;
const JOINER_INPUTS = ['encoder_out', 'decoder_out'].map((name) => ({ name, type: 'float32', shape: ['N', 1] }));

/**
 * A transducer of dimension 1: a frame's value is the symbol it stands for, and the decoder's output is the last symbol.
 * The joiner lets a symbol win unless it is the last one emitted.
 */
function fakeTransducer() {
  const joined: number[] = [];
  const contexts: number[][] = [];
  const decoder = fakeSession([{ name: 'y', type: 'int64', shape: ['N', 2] }], ['decoder_out'], ({ y }) => {
    const context = Array.from(y?.data ?? [], Number);
    contexts.push(context);
    return { decoder_out: tensor('float32', Float32Array.of(context.at(-1) ?? 0), [1, 1]) };
  });
  const joiner = fakeSession(JOINER_INPUTS, ['logit'], ({ encoder_out, decoder_out }) => {
    const frames = Array.from(encoder_out?.data ?? [], Number);
    joined.push(frames.length);
    const logits = new Float32Array(frames.length * VOCABULARY);
    for (const [i, symbol] of frames.entries()) {
      logits[i * VOCABULARY + (symbol === decoder_out?.data[0] ? 0 : symbol)] = 5;
    }
    return { logit: tensor('float32', logits, [frames.length, VOCABULARY]) };
  });
  return { search: createGreedySearch(decoder, joiner), joined, contexts };
}

it('emits at most one symbol per frame, with its probability', async () => {
  const { search } = fakeTransducer();
  const emitted = await search.stream().accept(Float32Array.of(0, 3, 3, 4, 0, 5), 6);
  expect(emitted.map(({ id, frame }) => [id, frame])).toEqual([
    [3, 1],
    [4, 3],
    [5, 5],
  ]);
  const softmax = Math.exp(5) / (Math.exp(5) + VOCABULARY - 1);
  for (const { logprob } of emitted) expect(logprob).toBeCloseTo(Math.log(softmax));
});

it('runs the joiner over all remaining frames, once and once more behind each symbol', async () => {
  const { search, joined } = fakeTransducer();
  await search.stream().accept(Float32Array.of(0, 3, 3, 4, 0, 0, 0, 0), 8);
  expect(joined).toEqual([8, 6, 4]);
});

it('passes over the unknown symbol like a blank', async () => {
  const { search, joined } = fakeTransducer();
  const emitted = await search.stream().accept(Float32Array.of(2, 2, 5), 3);
  expect(emitted.map(({ id }) => id)).toEqual([5]);
  expect(joined).toEqual([3]);
});

it('carries the context over calls, keeps streams apart, and decodes a context once for all of them', async () => {
  const { search, contexts } = fakeTransducer();
  const [a, b] = [search.stream(), search.stream()];
  await a.accept(Float32Array.of(3, 4, 0), 3);
  expect(contexts).toEqual([
    [0, 0],
    [0, 3],
    [3, 4],
  ]);
  expect((await a.accept(Float32Array.of(4), 1)).map(({ id }) => id)).toEqual([]);
  expect((await b.accept(Float32Array.of(3, 4, 0), 3)).map(({ id }) => id)).toEqual([3, 4]);
  expect(contexts).toHaveLength(3);
});
