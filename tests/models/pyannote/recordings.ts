/** Made-up recordings: who is heard in which window, with embeddings around a direction per speaker. */
import { type Matrix, zeros } from '../../../backend/src/models/pyannote/clustering/matrix.ts';
import type { Plda } from '../../../backend/src/models/pyannote/clustering/plda.ts';
import type { Embeddings } from '../../../backend/src/models/pyannote/clustering/training-embeddings.ts';
import type { Segmentations } from '../../../backend/src/models/pyannote/segmentations.ts';
import { seededRandom } from '../../support/seeded-random.ts';

export const DIMENSION = 32;
export const FRAMES = 589;
export const LOCAL_SPEAKERS = 3;

export interface Recording {
  segmentations: Segmentations;
  embeddings: Embeddings;
  /** Speaker of each local speaker, -1 = inactive; [chunks, 3]. */
  truth: Int32Array;
}

/** `windows`: the speakers heard in each window, at most 3, one after another in equal parts. `noise`: length of it. */
export function makeRecording(windows: readonly (readonly number[])[], { noise = 0.3, seed = 1 } = {}): Recording {
  const chunks = windows.length;
  const normal = gaussian(seed);
  const data = new Uint8Array(chunks * FRAMES * LOCAL_SPEAKERS);
  const vectors = new Float32Array(chunks * LOCAL_SPEAKERS * DIMENSION).fill(Number.NaN);
  const truth = new Int32Array(chunks * LOCAL_SPEAKERS).fill(-1);
  windows.forEach((speakers, chunk) => {
    speakers.forEach((speaker, local) => {
      const row = chunk * LOCAL_SPEAKERS + local;
      truth[row] = speaker;
      const part = Math.floor(FRAMES / speakers.length);
      for (let frame = local * part; frame < (local + 1) * part; frame++) {
        data[(chunk * FRAMES + frame) * LOCAL_SPEAKERS + local] = 1;
      }
      for (let k = 0; k < DIMENSION; k++) {
        vectors[row * DIMENSION + k] = (k === speaker ? 1 : 0) + (noise / Math.sqrt(DIMENSION)) * normal();
      }
    });
  });
  return {
    segmentations: { data, chunks, frames: FRAMES, speakers: LOCAL_SPEAKERS },
    embeddings: { data: vectors, dimension: DIMENSION },
    truth,
  };
}

/** A PLDA that leaves directions as they are: a speaker lies at 4·√32 along its axis, noise of 0.3 is about 1 along each. */
export function plainPlda(): Plda {
  const diagonal = (value: number): Matrix => {
    const matrix = zeros(DIMENSION, DIMENSION);
    for (let k = 0; k < DIMENSION; k++) matrix.data[k * (DIMENSION + 1)] = value;
    return matrix;
  };
  const zero = () => new Float64Array(DIMENSION);
  // As in trained weights, few axes tell speakers apart.
  const phi = zero().fill(0.1).fill(20, 0, 8);
  return { mean1: zero(), lda: diagonal(1), mean2: zero(), mu: zero(), transform: diagonal(4), phi };
}

/** Whether two labellings are the same but for names; entries where `truth` is negative do not count. */
export function sameButForNames(labels: ArrayLike<number>, truth: ArrayLike<number>): boolean {
  const pairs = new Set<string>();
  for (let at = 0; at < truth.length; at++) if ((truth[at] as number) >= 0) pairs.add(`${labels[at]} ${truth[at]}`);
  const sides = [...pairs].map((pair) => pair.split(' '));
  return [0, 1].every((side) => new Set(sides.map((pair) => pair[side])).size === pairs.size);
}

export function gaussian(seed: number): () => number {
  const random = seededRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
