/** From the windows' local speakers to the speakers of the recording: pyannote.audio 4's clustering pipelines. */
import { activeSpeakers, type Segmentations } from '../segmentations.ts';
import { assignConstrained, assignFreely, scoreClusters, UNASSIGNED } from './assign.ts';
import { clusterByCentroid } from './centroid-method.ts';
import type { Labels } from './cut-dendrogram.ts';
import { initialSpeakers } from './initial-speakers.ts';
import { kMeans } from './k-means.ts';
import { groupMeans, type Matrix, normalizeRows, zeros } from './matrix.ts';
import { applyLda, applyPlda, type Plda } from './plda.ts';
import { type Embeddings, trainingRows } from './training-embeddings.ts';
import { runVbx, type VbxOptions, type VbxResult, weightedSums } from './vbx.ts';

/** `vbx`: speaker-diarization-community-1. `centroid`: speaker-diarization-3.1. */
export type ClusterMethod = { name: 'vbx'; plda: Plda; threshold?: number } | CentroidMethod;
interface CentroidMethod {
  name: 'centroid';
  threshold?: number;
  minClusterSize?: number;
}

export interface ClusterOptions {
  method: ClusterMethod;
  /** The number of speakers, where it is known: then the bounds do not count. */
  speakers?: number | undefined;
  minSpeakers?: number | undefined;
  maxSpeakers?: number | undefined;
  /** Looked at between steps; for hours of audio the longest takes about a second. */
  signal?: AbortSignal | undefined;
}

export interface Clustering {
  /** Clusters found; 0 where nobody ever speaks. A cluster may end up without local speakers. */
  clusters: number;
  /** Cluster of each local speaker, or UNASSIGNED; [chunks, speakers]. */
  assigned: Int32Array;
  /**
   * 2 - cosine distance to each centroid; [chunks, speakers, clusters]. NaN without an embedding; with the constrained
   * assignment the inactive have a number below all others. All 1 where there was nothing to cluster.
   */
  scores: Float64Array;
  /** Mean embeddings, not normalised; [clusters, dimension]. Zeros if no embedding is usable. */
  centroids: Matrix;
  /** What the steps computed, for comparison with the reference. */
  steps: ClusterSteps;
}

export interface ClusterSteps {
  /** chunk · speakers + speaker of the embeddings that the speakers were found with. */
  trainingRows: Int32Array;
  /** `vbx`: where it started, as far as it came to that. */
  vbx?: { lda: Matrix; features: Matrix; initial: Labels; result: VbxResult };
}

const VBX_THRESHOLD = 0.6;
const VBX: VbxOptions = { fa: 0.07, fb: 0.8, maxIterations: 20, smoothing: 7, minGain: 1e-4 };
/** Speakers with a lesser share are artefacts of VBx. */
const LEAST_PRIOR = 1e-7;
const CENTROID_THRESHOLD = 0.7045654963945799;
const CENTROID_MIN_SIZE = 12;

/**
 * `embeddings` [chunks, speakers, dimension] of the local speakers in `segmentations`; those of inactive speakers are not
 * looked at.
 * @throws RangeError for bounds that contradict each other; the reason of the signal's abort.
 */
export async function cluster(
  segmentations: Segmentations,
  embeddings: Embeddings,
  options: ClusterOptions,
): Promise<Clustering> {
  const bounds = speakerBounds(options);
  const active = activeSpeakers(segmentations);
  const rows = trainingRows(segmentations, embeddings);
  if (!active.includes(1)) return oneCluster(embeddings, { rows, active, clusters: 0 });
  const leastRows = options.method.name === 'vbx' ? 2 : 1;
  if (rows.length < leastRows) return oneCluster(embeddings, { rows, active, clusters: 1 });
  const training = pickRows(embeddings, rows);
  if (options.method.name === 'vbx') {
    const found = await findByVbx(training, options.method, bounds, options.signal);
    return assign(found, { segmentations, embeddings, active, rows, signal: options.signal });
  }
  const found = await findByCentroid(training, options.method, bounds, options.signal);
  return assign(found, { segmentations, embeddings, active, rows, signal: options.signal });
}

interface Found {
  centroids: Matrix;
  /** No two local speakers of a window may be the same. */
  constrained: boolean;
  vbx?: NonNullable<ClusterSteps['vbx']>;
}

interface Bounds {
  min: number;
  max: number;
}

function speakerBounds({ speakers, minSpeakers, maxSpeakers }: ClusterOptions): Bounds {
  const min = speakers ?? minSpeakers ?? 1;
  const max = speakers ?? maxSpeakers ?? Number.POSITIVE_INFINITY;
  if (!(min >= 1 && min <= max)) throw new RangeError(`There cannot be at least ${min} and at most ${max} speakers`);
  return { min, max };
}

async function findByVbx(
  training: Matrix,
  { plda, threshold = VBX_THRESHOLD }: { plda: Plda; threshold?: number },
  { min, max }: Bounds,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const directions = normalizeRows({ ...training, data: training.data.slice() });
  const initial = await initialSpeakers(directions, threshold, signal);
  const lda = applyLda(training, plda);
  const features = applyPlda(lda, plda);
  const result = await runVbx(features, plda.phi, initial, VBX, signal);
  const vbx = { lda, features, initial, result };
  const kept = [...result.priors.keys()].filter((speaker) => (result.priors[speaker] as number) > LEAST_PRIOR);
  const wanted = Math.min(Math.max(kept.length, min), max, training.rows);
  if (wanted === kept.length) {
    const centroids = await weightedMeans(training, pickColumns(result.responsibilities, kept), signal);
    return { centroids, constrained: true, vbx };
  }
  // VBx cannot be told a number. The constraint would then leave local speakers unassigned that have a speaker.
  const forced = await kMeans(directions, wanted, signal);
  return { centroids: groupMeans(training, forced.labels, forced.count).means, constrained: false, vbx };
}

async function findByCentroid(
  training: Matrix,
  { threshold = CENTROID_THRESHOLD, minClusterSize = CENTROID_MIN_SIZE }: CentroidMethod,
  { min, max }: Bounds,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const directions = normalizeRows({ ...training, data: training.data.slice() });
  const minClusters = Math.min(min, training.rows);
  const maxClusters = Math.min(max, training.rows);
  const { labels, count } =
    maxClusters < 2
      ? { labels: new Int32Array(training.rows), count: 1 }
      : await clusterByCentroid(directions, { threshold, minClusterSize, minClusters, maxClusters }, signal);
  return { centroids: groupMeans(training, labels, count).means, constrained: false };
}

async function assign(
  { centroids, constrained, vbx }: Found,
  input: {
    segmentations: Segmentations;
    embeddings: Embeddings;
    active: Uint8Array;
    rows: Int32Array;
    signal: AbortSignal | undefined;
  },
): Promise<Clustering> {
  const clusters = centroids.rows;
  const scores = await scoreClusters(input.embeddings, centroids, input.signal);
  const { active } = input;
  const assigned = constrained
    ? assignConstrained(scores, { active, speakers: input.segmentations.speakers, clusters })
    : assignFreely(scores, { active, clusters });
  return {
    clusters,
    assigned,
    scores,
    centroids,
    steps: { trainingRows: input.rows, ...(vbx === undefined ? {} : { vbx }) },
  };
}

/** All who are active are one speaker (`clusters` 1), or nobody is (0). */
function oneCluster(
  embeddings: Embeddings,
  { rows, active, clusters }: { rows: Int32Array; active: Uint8Array; clusters: number },
): Clustering {
  const training = pickRows(embeddings, rows);
  const { means } = groupMeans(training, new Int32Array(rows.length), clusters);
  return {
    clusters,
    assigned: Int32Array.from(active, (isActive) => (isActive === 1 ? 0 : UNASSIGNED)),
    scores: new Float64Array(active.length * clusters).fill(1),
    centroids: means,
    steps: { trainingRows: rows },
  };
}

function pickRows({ data, dimension }: Embeddings, rows: Int32Array): Matrix {
  const picked = zeros(rows.length, dimension);
  rows.forEach((row, at) => {
    picked.data.set(data.subarray(row * dimension, (row + 1) * dimension), at * dimension);
  });
  return picked;
}

function pickColumns(matrix: Matrix, columns: readonly number[]): Matrix {
  const picked = zeros(matrix.rows, columns.length);
  for (let row = 0; row < matrix.rows; row++) {
    columns.forEach((column, at) => {
      picked.data[row * columns.length + at] = matrix.data[row * matrix.columns + column] as number;
    });
  }
  return picked;
}

async function weightedMeans(points: Matrix, weights: Matrix, signal: AbortSignal | undefined): Promise<Matrix> {
  const { sums, totals } = await weightedSums(weights, points, signal);
  sums.data.forEach((sum, at) => {
    sums.data[at] = sum / (totals[Math.floor(at / points.columns)] as number);
  });
  return sums;
}
