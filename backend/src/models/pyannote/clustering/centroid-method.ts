/** The clustering of pyannote's 3.1 pipeline: AgglomerativeClustering with centroid linkage. */
import { roundHalfEven } from '../round-half-even.ts';
import { condense } from './condense.ts';
import { cutAfterMerges, cutAtDistance, type Labels } from './cut-dendrogram.ts';
import { centroidLinkage, type Dendrogram } from './linkage.ts';
import { dotProducts, groupMeans, type Matrix, normalizeRows } from './matrix.ts';

export interface CentroidOptions {
  threshold: number;
  /** Clusters of fewer embeddings are small: they join the closest large one. */
  minClusterSize: number;
  /** Bounds of the number of clusters; the same number twice forces it. */
  minClusters: number;
  maxClusters: number;
}

/** `points` [n, d] of length 1, n ≥ 1, in the order of time. */
export async function clusterByCentroid(
  points: Matrix,
  options: CentroidOptions,
  signal?: AbortSignal,
): Promise<Labels> {
  if (points.rows === 1) return { labels: new Int32Array(1), count: 1 };
  // In a short recording no cluster can be large otherwise.
  const leastSize = Math.min(options.minClusterSize, Math.max(1, roundHalfEven(0.1 * points.rows)));
  const { points: units, weights, standIn } = await condense(points, signal);
  const tree = await centroidLinkage(units, weights, signal);
  const cut = chooseCut(tree, weights, leastSize, options);
  const { labels, count } = joinSmall(units, weights, cut, leastSize);
  return { labels: standIn.map((unit) => labels[unit] as number), count };
}

/** By the threshold; else, among the merges, that nearest to the threshold which gives the number of large clusters. */
function chooseCut(tree: Dendrogram, weights: Float64Array, leastSize: number, options: CentroidOptions): Labels {
  const { threshold, minClusters, maxClusters } = options;
  const natural = cutAtDistance(tree, threshold);
  const found = sizesOf(natural, weights).filter((size) => size >= leastSize).length;
  const wanted = Math.min(Math.max(found, minClusters), maxClusters);
  if (found === wanted) return natural;
  const large = largeAfterEachMerge(tree, weights, leastSize);
  const order = Array.from(tree.distance.keys()).sort(
    (a, b) => Math.abs((tree.distance[a] as number) - threshold) - Math.abs((tree.distance[b] as number) - threshold),
  );
  let best = { merge: tree.points - 1, large: 1 };
  for (const merge of order) {
    if ((tree.weight[merge] as number) < leastSize) continue;
    const count = large[merge] as number;
    if (Math.abs(count - wanted) < Math.abs(best.large - wanted)) best = { merge, large: count };
    if (count === wanted) break;
  }
  return cutAfterMerges(tree, best.merge + 1);
}

/** Number of clusters of at least `leastSize` items after merge 0, 1, …. */
function largeAfterEachMerge(tree: Dendrogram, weights: Float64Array, leastSize: number): Int32Array {
  const isLarge = (id: number) =>
    (id < tree.points ? (weights[id] as number) : (tree.weight[id - tree.points] as number)) >= leastSize ? 1 : 0;
  let count = weights.filter((weight) => weight >= leastSize).length;
  return Int32Array.from(tree.distance, (_, merge) => {
    count += isLarge(tree.points + merge) - isLarge(tree.left[merge] as number) - isLarge(tree.right[merge] as number);
    return count;
  });
}

function sizesOf({ labels, count }: Labels, weights: Float64Array): Float64Array {
  const sizes = new Float64Array(count);
  labels.forEach((label, row) => {
    sizes[label] = (sizes[label] as number) + (weights[row] as number);
  });
  return sizes;
}

/** Each small cluster goes to the large one whose centroid has the least cosine distance; one cluster if none is large. */
function joinSmall(points: Matrix, weights: Float64Array, cut: Labels, leastSize: number): Labels {
  const { means, totals } = groupMeans(points, cut.labels, cut.count, weights);
  const large = [...totals.keys()].filter((label) => (totals[label] as number) >= leastSize);
  if (large.length === 0) return { labels: new Int32Array(points.rows), count: 1 };
  const directions = normalizeRows(means);
  const products = new Float64Array(cut.count * cut.count);
  dotProducts(directions, directions, products);
  const target = Int32Array.from({ length: cut.count }, (_, label) => {
    const own = large.indexOf(label);
    if (own >= 0) return own;
    const closeness = large.map((other) => products[label * cut.count + other] as number);
    return closeness.indexOf(Math.max(...closeness));
  });
  return { labels: cut.labels.map((label) => target[label] as number), count: large.length };
}
