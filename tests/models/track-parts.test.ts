/** Parts of a track, separated apart as several replicas do it, are the track separated in one go, to the bit. */
import { expect, it } from 'vitest';
import type { TrackPart } from '../../backend/src/audio/overlap-add.ts';
import { separate } from '../../backend/src/models/demucs/separate.ts';
import { separateInTwo } from '../../backend/src/models/mdx/separate.ts';
import { trackOf } from '../support/demucs.ts';
import { seededUniform } from '../support/seeded-weights.ts';

const signal = new AbortController().signal;
const SIZE = 1000;

/** What comes out depends on where in a segment, and in which one, a sample was heard. */
function run(segment: Float32Array): Float32Array {
  const sum = segment.reduce((total, sample) => total + sample, 0);
  return segment.map((sample, i) => sample * sample + 1e-3 * (i % SIZE) + sum / 77);
}

const demucs = (frames: number, options: { overlap: number; shifts: number; part?: TrackPart; onSegment(): void }) => {
  const model = {
    size: SIZE,
    stems: ['a', 'b'],
    run: async (segment: Float32Array) => Float32Array.from([...run(segment), ...run(segment).map((x) => x / 3)]),
  };
  return separate(trackOf(noise(frames)), model, { signal, ...options });
};
const mdx = (frames: number, options: { overlap: number; part?: TrackPart; onSegment(): void }) => {
  const model = { size: SIZE, fft: 200, compensate: 1.02, run: async (segment: Float32Array) => run(segment) };
  return separateInTwo(trackOf(noise(frames)), model, { signal, ...options });
};

const noise = (frames: number) => Float32Array.from(seededUniform(`parts/${frames}`, 2 * frames));

async function collect(blocks: AsyncIterable<readonly Float32Array[]>): Promise<number[][]> {
  const stems: number[][] = [[], []];
  for await (const block of blocks) for (const [i, part] of block.entries()) stems[i]?.push(...part);
  return stems;
}

const cases = [1, 1001, 9876].flatMap((frames) =>
  [2, 7].flatMap((count) => [0.25, 0.6].map((overlap) => ({ frames, count, overlap }))),
);

it.each(cases)('%j', async ({ frames, count, overlap }) => {
  for (const separateIt of [
    (part: { part?: TrackPart }, onSegment: () => void) => demucs(frames, { overlap, shifts: 0, onSegment, ...part }),
    (part: { part?: TrackPart }, onSegment: () => void) => demucs(frames, { overlap, shifts: 3, onSegment, ...part }),
    (part: { part?: TrackPart }, onSegment: () => void) => mdx(frames, { overlap, onSegment, ...part }),
  ]) {
    let segments = 0;
    const whole = await collect(separateIt({}, () => (segments += 1)));
    expect(whole[0]).toHaveLength(2 * frames);
    const joined: number[][] = [[], []];
    const heard: number[] = [];
    for (let index = 0; index < count; index += 1) {
      let own = 0;
      const part = await collect(separateIt({ part: { index, count } }, () => (own += 1)));
      heard.push(own);
      for (const [i, samples] of part.entries()) joined[i]?.push(...samples);
    }
    expect(joined).toEqual(whole);
    // None has much more than its share: of each of at most three passes what lies across its borders, and half a stride.
    const across = 3 * (2 * Math.ceil(1 / (1 - overlap)) + 1);
    expect(Math.max(...heard)).toBeLessThanOrEqual(Math.ceil(segments / count) + across);
  }
});
