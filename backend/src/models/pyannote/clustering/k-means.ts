/**
 * K-means by Lloyd's iterations from greedy k-means++ starts (Arthur and Vassilvitskii 2007): what scikit-learn's
 * `KMeans(n_init=3, random_state=42)` finds, which pyannote uses, but for rounding.
 */
import type { Labels } from './cut-dendrogram.ts';
import { letEventsIn } from './let-events-in.ts';
import { dotProducts, groupMeans, type Matrix, zeros } from './matrix.ts';
import { mersenneTwister } from './mersenne-twister.ts';

const SEED = 42;
const STARTS = 3;
const MAX_ITERATIONS = 300;
/** Of the mean variance of the columns: when all centres together moved by less, it ends. */
const TOLERANCE = 1e-4;
const STRIP = 1024;

/**
 * The best of three starts; the same points give the same clusters. `clusters` is lowered to the number of points, and
 * fewer come out where points coincide.
 */
export async function kMeans(points: Matrix, clusters: number, signal?: AbortSignal): Promise<Labels> {
  const wanted = Math.min(clusters, points.rows);
  if (wanted < 2) return { labels: new Int32Array(points.rows), count: wanted };
  const random = mersenneTwister(SEED);
  const squares = Float64Array.from({ length: points.rows }, (_, row) => squareOf(points, row));
  const limit = TOLERANCE * meanVariance(points);
  let best: { labels: Int32Array; inertia: number } | undefined;
  for (let start = 0; start < STARTS; start++) {
    let centres = await startingCentres(points, squares, { clusters: wanted, random, signal });
    let pass = await nearestCentres(points, squares, centres, signal);
    for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
      const { means, totals } = groupMeans(points, pass.labels, wanted);
      fillEmpty(means, totals, points, pass);
      const moved = means.data.reduce((sum, value, at) => sum + (value - (centres.data[at] as number)) ** 2, 0);
      centres = means;
      pass = await nearestCentres(points, squares, centres, signal);
      if (moved <= limit) break;
    }
    const inertia = pass.distances.reduce((sum, value) => sum + value, 0);
    if (best === undefined || inertia < best.inertia) best = { labels: pass.labels, inertia };
  }
  return renumber(best?.labels ?? new Int32Array(points.rows));
}

/** Each next centre is the best of a few points drawn in proportion to their squared distance from the centres so far. */
async function startingCentres(
  points: Matrix,
  squares: Float64Array,
  { clusters, random, signal }: { clusters: number; random: () => number; signal: AbortSignal | undefined },
): Promise<Matrix> {
  const { rows, columns } = points;
  const trials = 2 + Math.floor(Math.log(clusters));
  const centres = zeros(clusters, columns);
  const take = (centre: number, row: number) =>
    centres.data.set(points.data.subarray(row * columns, (row + 1) * columns), centre * columns);
  const first = Math.floor(random() * rows);
  take(0, first);
  let nearest = distancesTo(points, squares, first);
  for (let centre = 1; centre < clusters; centre++) {
    await letEventsIn(signal);
    const total = nearest.reduce((sum, value) => sum + value, 0);
    let best: { row: number; nearest: Float64Array; total: number } | undefined;
    const targets = Array.from({ length: trials }, () => random() * total);
    for (const target of targets) {
      const row = draw(nearest, target);
      const toRow = distancesTo(points, squares, row).map((value, at) => Math.min(value, nearest[at] as number));
      const left = toRow.reduce((sum, value) => sum + value, 0);
      if (best === undefined || left < best.total) best = { row, nearest: toRow, total: left };
    }
    if (best === undefined) break;
    take(centre, best.row);
    nearest = best.nearest;
  }
  return centres;
}

/** Index at which the running sum of `weights` reaches `target`. */
function draw(weights: Float64Array, target: number): number {
  let sum = 0;
  const at = weights.findIndex((weight) => {
    sum += weight;
    return sum >= target;
  });
  return at < 0 ? weights.length - 1 : at;
}

async function nearestCentres(
  points: Matrix,
  squares: Float64Array,
  centres: Matrix,
  signal: AbortSignal | undefined,
): Promise<{ labels: Int32Array; distances: Float64Array }> {
  const labels = new Int32Array(points.rows);
  const distances = new Float64Array(points.rows);
  const lengths = Float64Array.from({ length: centres.rows }, (_, row) => squareOf(centres, row));
  const products = new Float64Array(STRIP * centres.rows);
  for (let from = 0; from < points.rows; from += STRIP) {
    await letEventsIn(signal);
    const to = Math.min(from + STRIP, points.rows);
    dotProducts(points, centres, products, { aFrom: from, aTo: to });
    for (let row = from; row < to; row++) {
      let least = Number.POSITIVE_INFINITY;
      for (let centre = 0; centre < centres.rows; centre++) {
        const product = products[(row - from) * centres.rows + centre] as number;
        const square = (squares[row] as number) + (lengths[centre] as number) - 2 * product;
        if (square < least) {
          least = square;
          labels[row] = centre;
        }
      }
      distances[row] = Math.max(0, least);
    }
  }
  return { labels, distances };
}

/** A centre that lost all its points takes the point that is farthest from its own. Changes what it is given. */
function fillEmpty(
  means: Matrix,
  totals: Float64Array,
  points: Matrix,
  { labels, distances }: { labels: Int32Array; distances: Float64Array },
): void {
  const { columns } = points;
  totals.forEach((total, centre) => {
    if (total > 0) return;
    const row = distances.reduce((far, value, at) => (value > (distances[far] as number) ? at : far), 0);
    const donor = labels[row] as number;
    const left = (totals[donor] as number) - 1;
    for (let k = 0; k < columns; k++) {
      const value = points.data[row * columns + k] as number;
      const mean = means.data[donor * columns + k] as number;
      means.data[centre * columns + k] = value;
      if (left > 0) means.data[donor * columns + k] = mean + (mean - value) / left;
    }
    totals[donor] = left;
    totals[centre] = 1;
    distances[row] = 0;
  });
}

function distancesTo(points: Matrix, squares: Float64Array, row: number): Float64Array {
  const out = new Float64Array(points.rows);
  dotProducts(points, points, out, { bFrom: row, bTo: row + 1 });
  return out.map((product, at) => Math.max(0, (squares[at] as number) + (squares[row] as number) - 2 * product));
}

function squareOf({ data, columns }: Matrix, row: number): number {
  let sum = 0;
  for (let at = row * columns; at < (row + 1) * columns; at++) sum += (data[at] as number) ** 2;
  return sum;
}

function meanVariance(points: Matrix): number {
  const { means } = groupMeans(points, new Int32Array(points.rows), 1);
  const spread = points.data.reduce(
    (sum, value, at) => sum + (value - (means.data[at % points.columns] as number)) ** 2,
    0,
  );
  return spread / points.data.length;
}

/** Without the labels that no point has. */
function renumber(labels: Int32Array): Labels {
  const used = [...new Set(labels)].sort((a, b) => a - b);
  const index = new Map(used.map((label, at) => [label, at]));
  return { labels: labels.map((label) => index.get(label) ?? 0), count: used.length };
}
