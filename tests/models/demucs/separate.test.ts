import { describe, expect, it } from 'vitest';
import { bufferedFrames } from '../../../backend/src/audio/overlap-add.ts';
import type { StereoSource } from '../../../backend/src/audio/stereo-file.ts';
import { htdemucsGraph } from '../../../backend/src/models/demucs/htdemucs-graph.ts';
import {
  demucsTiling,
  type SeparationOptions,
  separate,
  shiftOffsets,
} from '../../../backend/src/models/demucs/separate.ts';
import { type SegmentModel, segmentModel } from '../../../backend/src/models/demucs/stem-model.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { DEMUCS_STEMS, sharingGraph, trackOf } from '../../support/demucs.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { seededUniform } from '../../support/seeded-weights.ts';

const SIZE = 1000;
const never = new AbortController().signal;

/** Each stem is a share of what it hears. */
function shares(...parts: number[]): SegmentModel {
  return {
    size: SIZE,
    stems: parts.map((_, i) => `stem ${i}`),
    run: async (segment) => Float32Array.from(parts.flatMap((part) => [...segment].map((sample) => sample * part))),
  };
}

const noise = (name: string, frames: number, gain = 0.5, offset = 0.1) =>
  Float32Array.from(seededUniform(name, 2 * frames), (value) => value * gain + offset);

/** All of each stem, [frames, 2]. */
async function separated(
  track: StereoSource,
  model: SegmentModel,
  options: Partial<SeparationOptions> = {},
): Promise<Float32Array[]> {
  const stems = model.stems.map((): number[] => []);
  for await (const block of separate(track, model, { signal: never, ...options })) {
    for (const [i, part] of block.entries()) for (const sample of part) stems[i]?.push(sample);
  }
  return stems.map((samples) => Float32Array.from(samples));
}

const furthest = (made: Float32Array | undefined, wanted: Float32Array): number =>
  made?.length === wanted.length
    ? Math.max(...made.map((sample, i) => Math.abs(sample - (wanted[i] ?? Number.NaN))))
    : Number.POSITIVE_INFINITY;

describe('separate', () => {
  const random = seededRandom(5);
  const lengths = [
    ...[1, 2, 3, SIZE - 1, SIZE, SIZE + 1, 750, 751, 1500, 3 * SIZE, 3 * 750, 3 * 750 + 1],
    ...Array.from({ length: 38 }, () => Math.ceil(random() * 6 * SIZE)),
  ];

  it.each(lengths)('gives back all of a track of %i frames, without a seam', async (frames) => {
    const session = await openSession(sharingGraph(4, 1 / 4, SIZE), { threads: 1, device: 'cpu' });
    const graph = htdemucsGraph(session, 4);
    const pcm = noise(`identity/${frames}`, frames);
    const track = trackOf(pcm);
    const options = {
      overlap: [0.25, 0, 0.5, 0.8][frames % 4] ?? 0.25,
      shifts: frames % 3,
      parallel: 1 + (frames % 2),
    };
    const [whole] = await separated(track, shares(1), options);
    expect(furthest(whole, pcm)).toBeLessThan(1e-6);
    // A share of the track without its mean, and the mean: as the reference.
    const mean = pcm.reduce((sum, sample) => sum + sample, 0) / pcm.length;
    const wanted = pcm.map((sample) => (sample - mean) / 4 + mean);
    const quarters = await separated(track, segmentModel([{ graph, makes: DEMUCS_STEMS }], DEMUCS_STEMS), options);
    expect(quarters).toHaveLength(4);
    for (const quarter of quarters) expect(furthest(quarter, wanted)).toBeLessThan(1e-6);
    await graph.release();
  });

  it('keeps clipped audio and what exceeds full scale', async () => {
    const pcm = noise('clipped', 3210, 4).map((sample, i) => (i % 3 === 0 ? Math.sign(sample) : sample));
    const [stem] = await separated(trackOf(pcm), shares(1));
    expect(furthest(stem, pcm)).toBeLessThan(4e-6);
  });

  it.each([0, 0.3])('makes silence of silence, whatever its level (%f)', async (level) => {
    const pcm = new Float32Array(2 * 2345).fill(level);
    const heard: number[] = [];
    const model = { ...shares(1) };
    const run = (segment: Float32Array) => {
      heard.push(Math.max(...segment.map(Math.abs)));
      return shares(1).run(segment, never);
    };
    const [stem] = await separated(trackOf(pcm), { ...model, run });
    expect(furthest(stem, pcm)).toBeLessThan(1e-6);
    expect(Math.max(...heard)).toBeLessThan(1e-3);
  });

  it('shows the model a track of mean 0 and deviation 1, with silence around it', async () => {
    const pcm = noise('normalised', 400, 0.01, 0.7);
    const segments: Float32Array[] = [];
    const model: SegmentModel = {
      ...shares(1),
      async run(segment) {
        segments.push(segment.slice());
        return segment;
      },
    };
    await separated(trackOf(pcm), model);
    const [left, right] = [segments[0]?.subarray(0, SIZE) ?? [], segments[0]?.subarray(SIZE) ?? []];
    const middle = [...left.slice(300, 700)].map((sample, i) => (sample + (right[300 + i] ?? 0)) / 2);
    const mean = middle.reduce((sum, sample) => sum + sample, 0) / 400;
    expect(mean).toBeCloseTo(0, 5);
    expect(Math.sqrt(middle.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / 399)).toBeCloseTo(1, 5);
    expect([...left.slice(0, 300), ...left.slice(700)].every((sample) => sample === 0)).toBe(true);
  });

  it('hears the last segment in its middle, with the track that comes before', async () => {
    const pcm = noise('context', 800);
    const starts: number[] = [];
    const track = trackOf(pcm);
    const spied: StereoSource = {
      frames: track.frames,
      read: (from, count) => {
        if (count === SIZE) starts.push(from);
        return track.read(from, count);
      },
    };
    await separated(spied, shares(1));
    // 800 frames: a segment of 800 with 100 before it, and one of 50 from 750 on with 475 before it.
    expect(starts).toEqual([-100, 275]);
  });

  it('repeats itself with the same seed, and not with another', async () => {
    const pcm = noise('seeded', 2500);
    // Depends on where in the segment a sample lies.
    const model: SegmentModel = {
      ...shares(1),
      run: async (segment) => segment.map((sample, i) => sample * (1 + (i % SIZE) / SIZE)),
    };
    const run = (seed: number) => separated(trackOf(pcm), model, { shifts: 2, seed });
    const [one, again, other] = [await run(1), await run(1), await run(2)];
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
    expect(shiftOffsets(1000, 3).every((offset) => offset >= 0 && offset <= 22_050)).toBe(true);
  });

  it('makes the same whatever the order in which segments finish', async () => {
    const pcm = noise('order', 9 * SIZE);
    let begun = 0;
    const finished: number[] = [];
    const model: SegmentModel = {
      ...shares(1),
      async run(segment) {
        const number = begun++;
        // Every fourth one waits for the three after it.
        for (let turn = 0; turn < (number % 4 === 0 ? 20 : 1); turn += 1) await new Promise(setImmediate);
        finished.push(number);
        return segment.map((sample, i) => sample * (1 + (i % SIZE) / SIZE));
      },
    };
    const alone = await separated(trackOf(pcm), model);
    expect(finished).toEqual([...finished.keys()]);
    finished.length = 0;
    begun = 0;
    expect(await separated(trackOf(pcm), model, { parallel: 4 })).toEqual(alone);
    expect(finished).not.toEqual([...finished.keys()]);
  });

  it('averages its passes, each with its own grid', async () => {
    const pcm = noise('averaged', 1800);
    const model: SegmentModel = {
      ...shares(1),
      run: async (segment) => segment.map((sample, i) => sample * (1 + (i % SIZE) / SIZE)),
    };
    const both = await separated(trackOf(pcm), model, { shifts: 2, seed: 9 });
    const wanted = await separateWhole(pcm, model, shiftOffsets(2, 9));
    expect(furthest(both[0], wanted)).toBeLessThan(2e-6);
  });
});

/** The reference's algorithm over a track in one piece, pass by pass (demucs/apply.py), in float64. */
async function separateWhole(
  pcm: Float32Array,
  model: SegmentModel,
  offsets: readonly number[],
): Promise<Float32Array> {
  const frames = pcm.length / 2;
  const middle = Array.from({ length: frames }, (_, i) => ((pcm[2 * i] ?? 0) + (pcm[2 * i + 1] ?? 0)) / 2);
  const mean = middle.reduce((sum, sample) => sum + sample, 0) / frames;
  const std = Math.sqrt(middle.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / (frames - 1));
  const total = new Float64Array(2 * frames);
  for (const offset of offsets) {
    // Half a second of silence on both sides; the pass begins at `offset`.
    const padded = (channel: number, at: number) => {
      const frame = at - 22_050;
      return frame < 0 || frame >= frames ? 0 : ((pcm[2 * frame + channel] ?? 0) - mean) / std;
    };
    const length = frames + 22_050 - offset;
    const sums = [new Float64Array(length), new Float64Array(length)];
    const weights = new Float64Array(length);
    for (let start = 0; start < length; start += 750) {
      const chunk = Math.min(SIZE, length - start);
      const lead = Math.floor((SIZE - chunk) / 2);
      const segment = new Float32Array(2 * SIZE);
      for (let i = 0; i < SIZE; i += 1) {
        for (const channel of [0, 1]) segment[channel * SIZE + i] = padded(channel, offset + start - lead + i);
      }
      const made = await model.run(segment, never);
      for (let i = 0; i < chunk; i += 1) {
        const weight = (i < SIZE / 2 ? i + 1 : SIZE - i) / (SIZE / 2);
        weights[start + i] = (weights[start + i] ?? 0) + weight;
        for (const [channel, sum] of sums.entries()) {
          sum[start + i] = (sum[start + i] ?? 0) + weight * (made[channel * SIZE + lead + i] ?? 0);
        }
      }
    }
    for (let i = 0; i < 2 * frames; i += 1) {
      const at = Math.floor(i / 2) + 22_050 - offset;
      const value = ((sums[i % 2]?.[at] ?? 0) / (weights[at] ?? 0)) * std + mean;
      total[i] = (total[i] ?? 0) + value / offsets.length;
    }
  }
  return Float32Array.from(total);
}

describe('the memory of a separation', () => {
  it.each([
    [1, 0],
    [3, 0],
    [2, 4],
  ])('is that of some segments, however long the track (%i in work, %i shifts)', async (parallel, shifts) => {
    const frames = 200 * SIZE;
    const sound = noise('long', SIZE);
    let furthestRead = 0;
    let inWork = 0;
    let mostInWork = 0;
    let emitted = 0;
    let mostHeld = 0;
    const track: StereoSource = {
      frames,
      async read(_, count) {
        return Float32Array.from({ length: 2 * count }, (_, i) => sound[i % SIZE] ?? 0);
      },
    };
    const model: SegmentModel = {
      size: SIZE,
      stems: ['one', 'two'],
      async run(segment) {
        inWork += 1;
        mostInWork = Math.max(mostInWork, inWork);
        await new Promise(setImmediate);
        inWork -= 1;
        return Float32Array.from({ length: 2 * segment.length }, (_, i) => segment[i % segment.length] ?? 0);
      },
    };
    const spied: StereoSource = {
      frames,
      read: (from, count) => {
        // The second reading; the first, for the statistics, is of seconds.
        if (count === SIZE) furthestRead = Math.max(furthestRead, Math.min(frames, from + count));
        mostHeld = Math.max(mostHeld, furthestRead - emitted);
        return track.read(from, count);
      },
    };
    for await (const [block] of separate(spied, model, { signal: never, parallel, shifts })) {
      emitted += (block?.length ?? 0) / 2;
      expect((block?.length ?? 0) / 2).toBeLessThanOrEqual(SIZE);
    }
    expect(emitted).toBe(frames);
    expect(mostInWork).toBe(parallel);
    expect(bufferedFrames(demucsTiling(SIZE, frames, { overlap: 0.25, offsets: [] }))).toBe(SIZE);
    // Segments in work, the one being emitted, and the overlap they reach into.
    expect(mostHeld).toBeLessThanOrEqual((parallel + 2) * SIZE);
  });
});

describe('a separation that is cancelled', () => {
  it('throws the reason at once, while a segment is in work', async () => {
    const controller = new AbortController();
    const reason = new Error('the client went away');
    let running = 0;
    const model: SegmentModel = {
      ...shares(1),
      run: (segment) => {
        running += 1;
        if (running < 3) return Promise.resolve(segment);
        setImmediate(() => controller.abort(reason));
        return new Promise(() => {}); // never ends
      },
    };
    const work = separated(trackOf(noise('cancelled', 10 * SIZE)), model, { signal: controller.signal });
    await expect(work).rejects.toBe(reason);
    expect(running).toBe(3);
  });

  it('does not begin when it is cancelled beforehand', async () => {
    const work = separated(trackOf(noise('cancelled', SIZE)), shares(1), { signal: AbortSignal.abort('gone') });
    await expect(work).rejects.toBe('gone');
  });

  it('starts no further segment when its reader leaves', async () => {
    let running = 0;
    const model: SegmentModel = {
      ...shares(1),
      async run(segment) {
        running += 1;
        return segment;
      },
    };
    for await (const _ of separate(trackOf(noise('left', 10 * SIZE)), model, { signal: never })) break;
    const begun = running;
    await new Promise(setImmediate);
    expect(running).toBe(begun);
    expect(begun).toBeLessThanOrEqual(2);
  });

  it('fails with the model’s error, and with results of another size', async () => {
    const failing = { ...shares(1), run: () => Promise.reject(new Error('out of memory')) };
    const track = trackOf(noise('failing', 3 * SIZE));
    await expect(separated(track, failing, { parallel: 3 })).rejects.toThrow('out of memory');
    const short = { ...shares(1), run: async (segment: Float32Array) => segment.subarray(1) };
    await expect(separated(track, short)).rejects.toThrow(/1999 samples/);
  });
});
