import { expect, it } from 'vitest';
import { createEncoder } from '../../../backend/src/models/transducer/encoder.ts';
import { fakeSession, tensor } from './fake-session.ts';

/** The inputs of a first-generation zipformer: other state names, one of them of integers, a symbolic batch. */
const INPUTS = [
  { name: 'x', type: 'float32', shape: ['N', 39, 4] },
  { name: 'cached_len_0', type: 'int64', shape: [2, 'N'] },
  { name: 'cached_avg_0', type: 'float32', shape: [2, 'N', 3] },
];
const OUTPUTS = ['encoder_out', 'new_cached_len_0', 'new_cached_avg_0'];
const METADATA = new Map([['decode_chunk_len', '32']]);

function frame(value: number): Float32Array {
  return new Float32Array(4).fill(value);
}

it('reads window, step and states from the graph; windows overlap and states pass from run to run', async () => {
  const seen: { first: number; last: number; length: number; average: number; dims: readonly number[] }[] = [];
  const session = fakeSession(INPUTS, OUTPUTS, ({ x, cached_len_0, cached_avg_0 }) => {
    seen.push({
      first: Number(x?.data[0]),
      last: Number(x?.data.at(-1)),
      length: Number(cached_len_0?.data[0]),
      average: Number(cached_avg_0?.data[0]),
      dims: [...(x?.dims ?? []), ...(cached_len_0?.dims ?? []), ...(cached_avg_0?.dims ?? [])],
    });
    return {
      encoder_out: tensor('float32', new Float32Array(8 * 5), [1, 8, 5]),
      new_cached_len_0: tensor('int64', new BigInt64Array(2).fill(BigInt(10 * seen.length)), [2, 1]),
      new_cached_avg_0: tensor('float32', new Float32Array(6).fill(seen.length / 2), [2, 1, 3]),
    };
  });
  const encoder = createEncoder(session, METADATA);
  expect(encoder.layout).toEqual({ window: 39, step: 32, bins: 4 });

  const stream = encoder.stream();
  for (let i = 0; i < 38; i += 1) stream.accept(frame(i));
  expect(stream.ready).toBe(false);
  for (let i = 38; i < 120; i += 1) stream.accept(frame(i));
  while (stream.ready) expect(await stream.run()).toMatchObject({ frames: 8, dim: 5 });
  const dims = [1, 39, 4, 2, 1, 2, 1, 3];
  expect(seen).toEqual([
    { first: 0, last: 38, length: 0, average: 0, dims },
    { first: 32, last: 70, length: 10, average: 0.5, dims },
    { first: 64, last: 102, length: 20, average: 1, dims },
  ]);
});

it('refuses a graph that is no streaming zipformer', () => {
  const run = () => ({});
  const refused = expect.objectContaining({ code: 'model_load_failed' });
  expect(() => createEncoder(fakeSession(INPUTS, ['encoder_out'], run), METADATA)).toThrow(refused);
  expect(() => createEncoder(fakeSession(INPUTS, OUTPUTS, run), new Map())).toThrow(refused);
  expect(() => createEncoder(fakeSession(INPUTS.slice(1), OUTPUTS, run), METADATA)).toThrow(refused);
});
