/** Centroid linkage and its cuts: against a search over all pairs and against SciPy 1.17's own numbers. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { condense } from '../../../backend/src/models/pyannote/clustering/condense.ts';
import { cutAfterMerges, cutAtDistance } from '../../../backend/src/models/pyannote/clustering/cut-dendrogram.ts';
import { centroidLinkage } from '../../../backend/src/models/pyannote/clustering/linkage.ts';
import { groupMeans, type Matrix } from '../../../backend/src/models/pyannote/clustering/matrix.ts';
import { gaussian, sameButForNames } from './recordings.ts';

function matrixOf(rows: readonly (readonly number[])[]): Matrix {
  return { data: Float64Array.from(rows.flat()), rows: rows.length, columns: rows[0]?.length ?? 0 };
}

const SCIPY = {
  left: [0, 2, 3, 7, 5],
  right: [1, 6, 4, 8, 9],
  distances: [1, 0.9, 1, 3.505709628591621, 11.16756016325858],
  sizes: [2, 3, 2, 5, 6],
  cuts: [
    [0.95, [1, 2, 3, 4, 5, 6]],
    [1, [1, 1, 1, 2, 2, 3]],
    [20, [1, 1, 1, 1, 1, 1]],
  ] as [number, number[]][],
};

const ones = (length: number) => new Float64Array(length).fill(1);

/** O(n³): centroids kept, every pair looked at for every merge. Members of each cluster made, and its distance. */
function naiveLinkage(rows: readonly (readonly number[])[], weights: readonly number[]) {
  let clusters = rows.map((centre, at) => ({ members: [at], centre: [...centre], weight: weights[at] ?? 1 }));
  const merges: { members: number[]; distance: number; weight: number }[] = [];
  while (clusters.length > 1) {
    let best = { a: 0, b: 1, distance: Number.POSITIVE_INFINITY };
    clusters.forEach((one, a) => {
      clusters.slice(a + 1).forEach((other, offset) => {
        const distance = Math.hypot(...one.centre.map((value, k) => value - (other.centre[k] ?? 0)));
        if (distance < best.distance) best = { a, b: a + 1 + offset, distance };
      });
    });
    const [one, other] = [clusters[best.a], clusters[best.b]];
    if (one === undefined || other === undefined) break;
    const weight = one.weight + other.weight;
    const centre = one.centre.map((value, k) => (value * one.weight + (other.centre[k] ?? 0) * other.weight) / weight);
    const members = [...one.members, ...other.members].sort((x, y) => x - y);
    clusters = [...clusters.filter((cluster) => cluster !== one && cluster !== other), { members, centre, weight }];
    merges.push({ members, distance: best.distance, weight });
  }
  return merges;
}

const points = fc
  .tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 4 }), fc.integer())
  .map(([count, columns, seed]) => {
    const normal = gaussian(seed);
    return Array.from({ length: count }, () => Array.from({ length: columns }, normal));
  });

describe('centroidLinkage', () => {
  it('merges what a search over all pairs merges, also with weights', async () => {
    await fc.assert(
      fc.asyncProperty(points, fc.boolean(), async (rows, weighted) => {
        const weights = rows.map((_, at) => (weighted ? 1 + (at % 3) : 1));
        const tree = await centroidLinkage(matrixOf(rows), Float64Array.from(weights));
        const members = rows.map((_, at) => [at]);
        tree.left.forEach((left, merge) => {
          const both = [...(members[left] ?? []), ...(members[tree.right[merge] ?? -1] ?? [])];
          members.push(both.sort((a, b) => a - b));
        });
        const expected = naiveLinkage(rows, weights);
        expect(members.slice(rows.length)).toEqual(expected.map((merge) => merge.members));
        expect([...tree.weight]).toEqual(expected.map((merge) => merge.weight));
        expected.forEach((merge, at) => {
          expect(tree.distance[at]).toBeCloseTo(merge.distance, 9);
        });
      }),
      { numRuns: 200 },
    );
  });

  it("is SciPy's, node by node, where a later merge is nearer than an earlier one", async () => {
    // linkage([[0,0],[1,0],[0.5,0.9],[4,0],[4,1],[9,9]], 'centroid')
    const tree = await centroidLinkage(
      matrixOf([
        [0, 0],
        [1, 0],
        [0.5, 0.9],
        [4, 0],
        [4, 1],
        [9, 9],
      ]),
      ones(6),
    );
    expect([...tree.left]).toEqual(SCIPY.left);
    expect([...tree.right]).toEqual(SCIPY.right);
    expect([...tree.weight]).toEqual(SCIPY.sizes);
    SCIPY.distances.forEach((distance, at) => {
      expect(tree.distance[at]).toBeCloseTo(distance, 12);
    });
    for (const [threshold, labels] of SCIPY.cuts) {
      expect([...cutAtDistance(tree, threshold).labels].map((label) => label + 1)).toEqual(labels);
    }
  });

  it('equal points, one point and none', async () => {
    const same = await centroidLinkage(matrixOf(Array.from({ length: 5 }, () => [1, 2])), ones(5));
    expect([...same.distance]).toEqual([0, 0, 0, 0]);
    expect(cutAtDistance(same, 0.1)).toEqual({ labels: new Int32Array(5), count: 1 });
    const one = await centroidLinkage(matrixOf([[1, 2]]), ones(1));
    expect(cutAtDistance(one, 0.1)).toEqual({ labels: new Int32Array(1), count: 1 });
    const none = await centroidLinkage({ data: new Float64Array(0), rows: 0, columns: 2 }, ones(0));
    expect(cutAfterMerges(none, 0)).toEqual({ labels: new Int32Array(0), count: 0 });
  });

  it('stops when it is aborted', async () => {
    const rows = Array.from({ length: 50 }, (_, at) => [at]);
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(centroidLinkage(matrixOf(rows), ones(50), aborted)).rejects.toThrow('enough');
  });
});

describe('cuts', () => {
  it('after each number of merges there are so many clusters, each within the next', async () => {
    await fc.assert(
      fc.asyncProperty(points, async (rows) => {
        const tree = await centroidLinkage(matrixOf(rows), ones(rows.length));
        for (let merges = 0; merges < rows.length; merges++) {
          const { labels, count } = cutAfterMerges(tree, merges);
          expect(count).toBe(rows.length - merges);
          expect(new Set(labels).size).toBe(count);
          if (merges === 0) continue;
          const before = cutAfterMerges(tree, merges - 1).labels;
          const pairs = new Set(labels.map((label, at) => label * rows.length + (before[at] as number)));
          expect(pairs.size).toBe(count + 1);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('condense', () => {
  it('leaves few points alone', async () => {
    const rows = matrixOf([[1], [2], [3]]);
    const { points: kept, weights, standIn } = await condense(rows, undefined, 3);
    expect(kept).toBe(rows);
    expect([...weights, ...standIn]).toEqual([1, 1, 1, 0, 1, 2]);
  });

  it('many points: weighted centroids of neighbours in space, so that clusters stay apart', async () => {
    const normal = gaussian(7);
    const truth = Int32Array.from({ length: 3000 }, (_, at) => Math.floor(at / 100) % 5);
    const all = matrixOf(
      Array.from(truth, (axis) => [0, 1, 2, 3, 4].map((k) => (k === axis ? 1 : 0) + 0.05 * normal())),
    );
    const condensed = await condense(all, undefined, 500);
    expect(condensed.points.rows).toBeLessThanOrEqual(500);
    const { means, totals } = groupMeans(all, condensed.standIn, condensed.points.rows);
    expect(totals).toEqual(condensed.weights);
    means.data.forEach((value, at) => {
      expect(condensed.points.data[at]).toBeCloseTo(value, 10);
    });
    const tree = await centroidLinkage(condensed.points, condensed.weights);
    const { labels, count } = cutAtDistance(tree, 0.6);
    expect(count).toBe(5);
    expect(
      sameButForNames(
        condensed.standIn.map((unit) => labels[unit] as number),
        truth,
      ),
    ).toBe(true);
  });
});
