/** Agglomerative clustering by centroid linkage (SciPy's `linkage(points, 'centroid')`). */
import { letEventsIn } from './let-events-in.ts';
import { dotProducts, type Matrix } from './matrix.ts';

/**
 * The merges of n points, in order. Node ids as SciPy's: points are 0…n-1, the node made by merge i is n+i. Distances
 * may decrease from one merge to a later one: centroid linkage is not monotone.
 */
export interface Dendrogram {
  points: number;
  /** Ids of the two nodes merged, the lesser one left; [n-1]. */
  left: Int32Array;
  right: Int32Array;
  /** Euclidean, between the two centroids; [n-1]. */
  distance: Float64Array;
  /** Summed weights of the node made; [n-1]. */
  weight: Float64Array;
}

const STRIP = 64;
const MERGES_PER_TURN = 256;

/**
 * Always merges the two clusters whose centroids are closest. `weights`: how many items each point stands for.
 * Memory: 4·n·(n-1) bytes. Time: n²/2 scalar products, then about n² steps.
 * The search is Müllner's generic one: each row keeps a nearest neighbour among later rows and a lower bound of its
 * distance, which is checked only when that row comes up ("Modern hierarchical, agglomerative clustering algorithms",
 * 2011, figure 3).
 */
export async function centroidLinkage(
  points: Matrix,
  weights: Float64Array,
  signal?: AbortSignal,
): Promise<Dendrogram> {
  const n = points.rows;
  const merges = Math.max(0, n - 1);
  const tree: Dendrogram = {
    points: n,
    left: new Int32Array(merges),
    right: new Int32Array(merges),
    distance: new Float64Array(merges),
    weight: new Float64Array(merges),
  };
  const square = await squaredDistances(points, signal);
  /** Index of the pair (i, j), i < j, is rowStart[i] + j. */
  const rowStart = Float64Array.from({ length: n }, (_, i) => (i * (2 * n - i - 1)) / 2 - i - 1);
  const id = Int32Array.from({ length: n }, (_, i) => i);
  /** Of the cluster that lives in a row; 0 = merged away. */
  const size = Float64Array.from(weights);
  const nearest = new Int32Array(n).fill(-1);
  const bound = new Float64Array(n).fill(Number.POSITIVE_INFINITY);

  const findNearest = (i: number) => {
    let best = Number.POSITIVE_INFINITY;
    let at = -1;
    const start = rowStart[i] as number;
    for (let j = i + 1; j < n; j++) {
      const value = square[start + j] as number;
      if (value < best && (size[j] as number) > 0) {
        best = value;
        at = j;
      }
    }
    bound[i] = best;
    nearest[i] = at;
  };
  const closestRow = () => {
    for (;;) {
      let row = -1;
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < n; i++) {
        const value = bound[i] as number;
        if (value < best) {
          best = value;
          row = i;
        }
      }
      if (square[(rowStart[row] as number) + (nearest[row] as number)] === best) return row;
      findNearest(row);
    }
  };

  for (let i = 0; i < n - 1; i++) findNearest(i);
  for (let merge = 0; merge < merges; merge++) {
    if (merge % MERGES_PER_TURN === 0) await letEventsIn(signal);
    // Row x is emptied, the new cluster lives in row y > x.
    const x = closestRow();
    const y = nearest[x] as number;
    const between = bound[x] as number;
    const sizeX = size[x] as number;
    const sizeY = size[y] as number;
    const total = sizeX + sizeY;
    const [idX, idY] = [id[x] as number, id[y] as number];
    tree.left[merge] = Math.min(idX, idY);
    tree.right[merge] = Math.max(idX, idY);
    tree.distance[merge] = Math.sqrt(between);
    tree.weight[merge] = total;
    id[y] = n + merge;
    size[x] = 0;
    bound[x] = Number.POSITIVE_INFINITY;
    size[y] = total;
    for (let z = 0; z < n; z++) {
      if (z === y || (size[z] as number) === 0) continue;
      const toX = square[z < x ? (rowStart[z] as number) + x : (rowStart[x] as number) + z] as number;
      const atY = z < y ? (rowStart[z] as number) + y : (rowStart[y] as number) + z;
      // Lance and Williams' formula for centroids; rounding must not make it negative.
      const moved = sizeX * toX + sizeY * (square[atY] as number) - (sizeX * sizeY * between) / total;
      const value = Math.max(0, moved / total);
      square[atY] = value;
      if (z > y) continue;
      if (nearest[z] === x) nearest[z] = y;
      if (value < (bound[z] as number)) {
        bound[z] = value;
        nearest[z] = y;
      }
    }
    findNearest(y);
  }
  return tree;
}

/** Of all pairs (i, j), i < j, row by row. */
async function squaredDistances(points: Matrix, signal: AbortSignal | undefined): Promise<Float64Array> {
  const n = points.rows;
  const square = new Float64Array((n * (n - 1)) / 2);
  const norms = Float64Array.from({ length: n }, (_, i) => {
    const row = points.data.subarray(i * points.columns, (i + 1) * points.columns);
    return row.reduce((sum, value) => sum + value * value, 0);
  });
  const strip = new Float64Array(STRIP * n);
  let at = 0;
  for (let from = 0; from < n; from += STRIP) {
    await letEventsIn(signal);
    const to = Math.min(from + STRIP, n);
    const width = n - from;
    dotProducts(points, points, strip, { aFrom: from, aTo: to, bFrom: from, bTo: n });
    for (let i = from; i < to; i++) {
      for (let j = i + 1; j < n; j++) {
        const product = strip[(i - from) * width + j - from] as number;
        square[at++] = Math.max(0, (norms[i] as number) + (norms[j] as number) - 2 * product);
      }
    }
  }
  return square;
}
