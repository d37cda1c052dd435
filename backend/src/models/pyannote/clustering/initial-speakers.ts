/** Where VBx starts: agglomerative clusters, kept to a number that VBx can work on in time. */
import { condense } from './condense.ts';
import { cutAtDistance, type Labels } from './cut-dendrogram.ts';
import { letEventsIn } from './let-events-in.ts';
import { centroidLinkage } from './linkage.ts';
import { dotProducts, groupMeans, type Matrix, normalizeRows, zeros } from './matrix.ts';

/** Embeddings × initial speakers: bounds the memory of VBx (160 MB) and its time. */
const MOST_RESPONSIBILITIES = 2e7;
const STRIP = 64;

/**
 * `directions` [n, d] of length 1, in the order of time, clustered at `threshold`. Where that leaves too many clusters
 * (4472 embeddings can be as many speakers, 15 000 can be 1333), the members of the smallest join others.
 */
export async function initialSpeakers(
  directions: Matrix,
  threshold: number,
  signal?: AbortSignal,
  mostResponsibilities = MOST_RESPONSIBILITIES,
): Promise<Labels> {
  const { points, weights, standIn } = await condense(directions, signal);
  const tree = await centroidLinkage(points, weights, signal);
  const most = Math.max(1, Math.floor(mostResponsibilities / directions.rows));
  const { labels, count } = await keepLargest({ points, weights }, cutAtDistance(tree, threshold), most, signal);
  return { labels: standIn.map((point) => labels[point] as number), count };
}

/** At most `most` clusters; the points of the others join the kept one whose centroid has the most similar direction. */
async function keepLargest(
  { points, weights }: { points: Matrix; weights: Float64Array },
  clusters: Labels,
  most: number,
  signal: AbortSignal | undefined,
): Promise<Labels> {
  if (clusters.count <= most) return clusters;
  const { means, totals } = groupMeans(points, clusters.labels, clusters.count, weights);
  const kept = largest(totals, clusters.labels, most);
  const target = new Int32Array(clusters.count).fill(-1);
  const centroids = zeros(most, points.columns);
  kept.forEach((label, at) => {
    target[label] = at;
    centroids.data.set(means.data.subarray(label * points.columns, (label + 1) * points.columns), at * points.columns);
  });
  normalizeRows(centroids);
  const labels = clusters.labels.map((label) => target[label] as number);
  const closeness = new Float64Array(STRIP * most);
  for (let from = 0; from < points.rows; from += STRIP) {
    await letEventsIn(signal);
    const to = Math.min(from + STRIP, points.rows);
    dotProducts(points, centroids, closeness, { aFrom: from, aTo: to });
    for (let row = from; row < to; row++) {
      if ((labels[row] as number) >= 0) continue;
      const own = closeness.subarray((row - from) * most, (row - from + 1) * most);
      labels[row] = own.indexOf(own.reduce((a, b) => Math.max(a, b)));
    }
  }
  return { labels, count: most };
}

/** Labels of the `most` greatest totals; of those equal to the least of them, some evenly spread over the recording. */
function largest(totals: Float64Array, labels: Int32Array, most: number): number[] {
  const byTime = [...new Set(labels)];
  const least = totals.toSorted((a, b) => b - a)[most - 1] as number;
  const greater = byTime.filter((label) => (totals[label] as number) > least);
  const equal = byTime.filter((label) => totals[label] === least);
  const places = most - greater.length;
  const spread = Array.from({ length: places }, (_, at) => equal[Math.floor((at * equal.length) / places)] as number);
  return [...greater, ...spread];
}
