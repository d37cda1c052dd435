/** The outline of a waveform, against what a plain loop over all samples finds. */
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { joinPeaks, tracePeaks } from '../../backend/src/audio/peaks.ts';
import { seededRandom } from '../support/seeded-random.ts';

async function* inChunks(samples: Float32Array, size: number) {
  for (let from = 0; from < samples.length; from += size) yield samples.subarray(from, from + size);
}

/** Least and greatest of each stretch, in turn. */
function plainPeaks(samples: Float32Array, stride: number): number[] {
  const data = [];
  for (let from = 0; from < samples.length; from += stride) {
    const values = [...samples.subarray(from, from + stride)];
    for (const value of [Math.min(...values), Math.max(...values)]) {
      data.push(Math.max(-128, Math.min(127, Math.trunc(value * 128))));
    }
  }
  return data;
}

/**
 * What is taken of a source that has all of it at once, in each turn of the event loop.
 * @returns the most, in units of `sizeOf`
 */
async function mostInATurn<T>(
  parts: readonly T[],
  sizeOf: (part: T) => number,
  take: (all: AsyncIterable<T>) => Promise<unknown>,
) {
  let [inTurn, most, isTaking] = [0, 0, true];
  const turn = () => {
    inTurn = 0;
    if (isTaking) setImmediate(turn);
  };
  setImmediate(turn);
  const source = async function* () {
    for (const part of parts) {
      inTurn += sizeOf(part);
      most = Math.max(most, inTurn);
      yield part;
    }
  };
  await take(source());
  isTaking = false;
  return most;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('peaks', () => {
  const random = seededRandom(7);
  const samples = Float32Array.from({ length: 333_333 }, () => 2 * random() - 1);

  it.each([1, 160, 16_000, 40_000])('are the same whatever the chunks, %i samples each', async (size) => {
    const blocks = await all(tracePeaks(inChunks(samples, size), 160));
    expect(Math.max(...blocks.map(({ length }) => length))).toBeLessThanOrEqual(2048);
    expect([...new Int8Array(Buffer.concat(blocks))]).toEqual(plainPeaks(samples, 160));
  });

  it('are joined to those of longer stretches, however the bytes come', async () => {
    const bytes = Buffer.concat(await all(tracePeaks(inChunks(samples, 999), 160)));
    const parts = Array.from({ length: Math.ceil(bytes.length / 333) }, (_, i) =>
      bytes.subarray(333 * i, 333 * (i + 1)),
    );
    expect(await joinPeaks(Readable.from(parts), 7)).toEqual(plainPeaks(samples, 7 * 160));
  });

  it('leave the event loop to others after 64 Ki samples or bytes, however fast these come', async () => {
    const seconds = Array<Float32Array>(600).fill(new Float32Array(16_000));
    const traced = await mostInATurn(
      seconds,
      ({ length }) => length,
      (chunks) => all(tracePeaks(chunks, 160)),
    );
    // The part that would be too much is handed over and waits for its turn.
    expect(traced).toBeLessThanOrEqual(65_536 + 16_000);
    const blocks = Array<Buffer>(200).fill(Buffer.alloc(16_384));
    const joined = await mostInATurn(
      blocks,
      ({ length }) => length,
      (parts) => joinPeaks(parts, 7),
    );
    expect(joined).toBeLessThanOrEqual(65_536 + 16_384);
  });

  it('reach full scale and no further; silence is nothing at all', async () => {
    const of = async (values: number[]) => [
      ...new Int8Array(Buffer.concat(await all(tracePeaks(inChunks(Float32Array.from(values), 9), 2)))),
    ];
    expect(await of([-1, 1, 0, 0, 0.5, -0.5, 0.25])).toEqual([-128, 127, 0, 0, -64, 64, 32, 32]);
    expect(await of([])).toEqual([]);
  });
});
