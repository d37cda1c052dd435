/** K-means against scikit-learn 1.9's own results, `KMeans(n_clusters, n_init=3, random_state=42)`. */
import { describe, expect, it } from 'vitest';
import { kMeans } from '../../../backend/src/models/pyannote/clustering/k-means.ts';
import { mersenneTwister } from '../../../backend/src/models/pyannote/clustering/mersenne-twister.ts';
import { sameButForNames } from './recordings.ts';

/** On the unit circle, at the angles 0.37·i². */
const CIRCLE = {
  data: Float64Array.from({ length: 48 }, (_, at) => {
    const angle = 0.37 * Math.floor(at / 2) ** 2;
    return at % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
  }),
  rows: 24,
  columns: 2,
};

const SCIKIT_LEARN: [number, number[]][] = [
  [2, [1, 1, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1]],
  [3, [0, 2, 2, 1, 0, 1, 2, 0, 0, 0, 0, 2, 1, 0, 1, 2, 2, 0, 2, 2, 1, 0, 1, 2]],
  [5, [4, 1, 3, 2, 4, 2, 1, 4, 0, 0, 4, 1, 2, 4, 2, 3, 1, 4, 1, 3, 2, 4, 2, 1]],
  [8, [4, 0, 3, 1, 4, 6, 5, 7, 2, 2, 7, 5, 6, 4, 1, 3, 0, 0, 0, 3, 1, 4, 6, 5]],
];

describe('kMeans', () => {
  it.each(SCIKIT_LEARN)("%i clusters are scikit-learn's", async (clusters, expected) => {
    const { labels, count } = await kMeans(CIRCLE, clusters);
    expect(count).toBe(clusters);
    expect(sameButForNames(labels, expected)).toBe(true);
  });

  it('as many clusters as points at most, and no empty ones where points coincide', async () => {
    const three = { data: new Float64Array([0, 0, 5, 5, 9, 9]), rows: 3, columns: 2 };
    expect((await kMeans(three, 8)).count).toBe(3);
    const same = await kMeans({ data: new Float64Array(20).fill(1), rows: 10, columns: 2 }, 4);
    expect(new Set(same.labels).size).toBe(same.count);
    expect(await kMeans({ data: new Float64Array(0), rows: 0, columns: 2 }, 4)).toEqual({
      labels: new Int32Array(0),
      count: 0,
    });
  });
});

it("the random numbers are NumPy's RandomState(42)", () => {
  const random = mersenneTwister(42);
  const drawn = Array.from({ length: 2000 }, random);
  expect(drawn[0]).toBe(0.3745401188473625);
  expect(drawn[1]).toBe(0.9507143064099162);
  expect(drawn[1999]).toBe(0.28218707469320015);
});
