/** Makes many points few enough for an exact dendrogram. */
import { cutAfterMerges } from './cut-dendrogram.ts';
import { centroidLinkage } from './linkage.ts';
import { groupMeans, type Matrix } from './matrix.ts';

/** Up to so many points the dendrogram is exact; its matrix of distances then takes 144 MB. */
export const MOST_EXACT = 6000;
/** Of neighbouring points, hence of the same minutes of audio, whose windows overlap. */
const BLOCK = 1024;
const KEPT_OF_BLOCK = 1 / 4;

export interface Condensed {
  /** At most MOST_EXACT. */
  points: Matrix;
  /** How many of the given points each stands for. */
  weights: Float64Array;
  /** Of each given point, the row of `points` that stands for it. */
  standIn: Int32Array;
}

/**
 * Up to `most` points are returned as they are. More are condensed, as often as needed: every block of 1024 points in a
 * row is clustered exactly until a quarter is left, whose centroids go on with their weights. Memory stays that of one
 * block, time grows with the points instead of their square. `points` must be in the order of time.
 */
export async function condense(points: Matrix, signal?: AbortSignal, most = MOST_EXACT): Promise<Condensed> {
  let current: Condensed = {
    points,
    weights: new Float64Array(points.rows).fill(1),
    standIn: Int32Array.from({ length: points.rows }, (_, row) => row),
  };
  while (current.points.rows > most) {
    const { labels, count } = await condenseOnce(current, signal);
    const { means, totals } = groupMeans(current.points, labels, count, current.weights);
    current = {
      points: means,
      weights: totals,
      standIn: current.standIn.map((row) => labels[row] as number),
    };
  }
  return current;
}

async function condenseOnce({ points, weights }: Condensed, signal: AbortSignal | undefined) {
  const labels = new Int32Array(points.rows);
  const { columns } = points;
  let count = 0;
  for (let from = 0; from < points.rows; from += BLOCK) {
    const to = Math.min(from + BLOCK, points.rows);
    const block = { data: points.data.subarray(from * columns, to * columns), rows: to - from, columns };
    const tree = await centroidLinkage(block, weights.subarray(from, to), signal);
    const kept = Math.ceil(block.rows * KEPT_OF_BLOCK);
    const groups = cutAfterMerges(tree, block.rows - kept);
    for (let row = 0; row < block.rows; row++) labels[from + row] = count + (groups.labels[row] as number);
    count += groups.count;
  }
  return { labels, count };
}
