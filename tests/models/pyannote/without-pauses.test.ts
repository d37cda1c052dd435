import { expect, it } from 'vitest';
import { embedSpeakers } from '../../../backend/src/models/pyannote/embedding.ts';
import type { EmbeddingBatch, EmbeddingModel } from '../../../backend/src/models/pyannote/embedding-model.ts';
import { slidingWindows } from '../../../backend/src/models/pyannote/sliding-windows.ts';
import { withoutPauses } from '../../../backend/src/models/pyannote/without-pauses.ts';
import { samplesOf } from '../../support/parity-clip.ts';

const FRAMES = 600;
const MASK_FRAMES = 300;

/** Each feature frame holds its number (1 …); masks of two speakers, two feature frames each, by window. */
function batchOf(...spans: [number, number][][]): EmbeddingBatch {
  const masks = spans.flatMap((speakers) =>
    speakers.flatMap(([from, to]) => Array.from({ length: MASK_FRAMES }, (_, i) => (i >= from && i < to ? 1 : 0))),
  );
  const features = Float32Array.from(
    { length: spans.length * FRAMES * 80 },
    (_, i) => 1 + (Math.floor(i / 80) % FRAMES),
  );
  return {
    windows: spans.length,
    features,
    featureFrames: FRAMES,
    masks: Float32Array.from(masks),
    speakers: 2,
    maskFrames: MASK_FRAMES,
  };
}

/** Numbers of the frames of a window, or of those that a mask has. */
function framesOf({ features, featureFrames, masks, speakers }: EmbeddingBatch, window: number, speaker?: number) {
  const numbers = Array.from({ length: featureFrames }, (_, i) => features[(window * featureFrames + i) * 80] ?? 0);
  if (speaker === undefined) return numbers;
  return numbers.filter((_, i) => masks[(window * speakers + speaker) * featureFrames + i] === 1);
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

it('keeps what a mask has and 0.1 s around it, in order, to a multiple of 0.4 s', () => {
  const short = withoutPauses(
    batchOf([
      [50, 80],
      [200, 250],
    ]),
  );
  expect([short.featureFrames, short.maskFrames]).toEqual([200, 200]);
  // Mask frame 50 begins with the 101st feature frame.
  const kept = [...range(91, 171), ...range(391, 511)];
  expect(framesOf(short, 0)).toEqual(kept);
  expect(framesOf(short, 0, 0)).toEqual(range(101, 161));
  expect(framesOf(short, 0, 1)).toEqual(range(401, 501));
});

it('fills shorter windows up with means, of no speaker', () => {
  const short = withoutPauses(
    batchOf(
      [
        [0, 100],
        [0, 0],
      ],
      [
        [10, 20],
        [20, 25],
      ],
    ),
  );
  expect(short.featureFrames).toBe(240);
  expect(framesOf(short, 0, 0)).toEqual(range(1, 201));
  expect(framesOf(short, 0, 1)).toEqual([]);
  expect(framesOf(short, 1)).toEqual([...range(11, 61), ...new Array<number>(190).fill(0)]);
  expect(framesOf(short, 1, 1)).toEqual(range(41, 51));
});

it('leaves alone what has no pauses, and what nobody speaks in', () => {
  const full = batchOf([
    [0, 150],
    [155, 300],
  ]);
  expect(withoutPauses(full)).toBe(full);
  const silent = batchOf([
    [0, 0],
    [0, 0],
  ]);
  expect(withoutPauses(silent)).toBe(silent);
});

it('embeddings skip pauses where asked to, and where the graph can', async () => {
  const active = new Uint8Array(589 * 3);
  for (let frame = 100; frame < 200; frame += 1) active[3 * frame] = 1;
  const segmentation = { windows: slidingWindows(160_000), frames: 589, active };
  const seen: number[] = [];
  const model = (pooling: EmbeddingModel['pooling']): EmbeddingModel => ({
    dimension: 1,
    pooling,
    async embed({ windows, speakers, featureFrames }) {
      seen.push(featureFrames);
      return new Float32Array(windows * speakers);
    },
    async release() {},
  });
  const audio = samplesOf(new Float32Array(160_000));
  await embedSpeakers(model('shared'), audio, segmentation, { skipPauses: true });
  await embedSpeakers(model('masked'), audio, segmentation, { skipPauses: true });
  await embedSpeakers(model('shared'), audio, segmentation);
  expect(seen).toEqual([200, 998, 998]);
});
