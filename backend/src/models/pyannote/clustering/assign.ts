/** Gives every local speaker of every window to one of the clusters found. */
import { assign } from '../../../text/assignment.ts';
import { letEventsIn } from './let-events-in.ts';
import { dotProducts, type Matrix, rowLengths } from './matrix.ts';
import type { Embeddings } from './training-embeddings.ts';

/** A local speaker that belongs to no cluster. */
export const UNASSIGNED = -2;
const STRIP = 1024;

/**
 * 2 - cosine distance of each embedding to each centroid, [rows, clusters]; NaN for rows without an embedding.
 * In [0, 2], higher is closer.
 */
export async function scoreClusters(
  embeddings: Embeddings,
  centroids: Matrix,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const { data, dimension } = embeddings;
  const rows = data.length / dimension;
  const scores = new Float64Array(rows * centroids.rows);
  const lengths = rowLengths(centroids);
  for (let from = 0; from < rows; from += STRIP) {
    await letEventsIn(signal);
    const to = Math.min(from + STRIP, rows);
    const strip: Matrix = {
      data: Float64Array.from(data.subarray(from * dimension, to * dimension)),
      rows: to - from,
      columns: dimension,
    };
    const own = rowLengths(strip);
    const out = scores.subarray(from * centroids.rows, to * centroids.rows);
    dotProducts(strip, centroids, out);
    for (let at = 0; at < out.length; at++) {
      // Zeros and NaN have no direction: 0 / 0 and NaN are NaN.
      const row = Math.floor(at / centroids.rows);
      out[at] = 1 + (out[at] as number) / ((own[row] as number) * (lengths[at % centroids.rows] as number));
    }
  }
  return scores;
}

/**
 * The best cluster for each local speaker, no two of a window the same; who is left over is UNASSIGNED, as are the
 * inactive. Writes a score below all others for the inactive, as pyannote does, so that they displace nobody.
 */
export function assignConstrained(
  scores: Float64Array,
  { active, speakers, clusters }: { active: Uint8Array; speakers: number; clusters: number },
): Int32Array {
  const least = scores.reduce((min, value) => (value < min ? value : min), Number.POSITIVE_INFINITY);
  const floor = Number.isFinite(least) ? least : 0;
  const assigned = new Int32Array(active.length).fill(UNASSIGNED);
  active.forEach((isActive, row) => {
    if (isActive === 0) scores.fill(floor - 1, row * clusters, (row + 1) * clusters);
  });
  for (let first = 0; first < active.length; first += speakers) {
    const window = scores.slice(first * clusters, (first + speakers) * clusters);
    const cost = window.map((score) => -(Number.isNaN(score) ? floor : score));
    assign(cost, speakers, clusters).forEach((cluster, speaker) => {
      if (active[first + speaker] === 1 && cluster >= 0) assigned[first + speaker] = cluster;
    });
  }
  return assigned;
}

/** The best cluster for each active local speaker on its own; the first one without an embedding. */
export function assignFreely(
  scores: Float64Array,
  { active, clusters }: { active: Uint8Array; clusters: number },
): Int32Array {
  const assigned = new Int32Array(active.length).fill(UNASSIGNED);
  active.forEach((isActive, row) => {
    if (isActive === 0) return;
    let best = 0;
    for (let cluster = 1; cluster < clusters; cluster++) {
      if ((scores[row * clusters + cluster] as number) > (scores[row * clusters + best] as number)) best = cluster;
    }
    assigned[row] = best;
  });
  return assigned;
}
