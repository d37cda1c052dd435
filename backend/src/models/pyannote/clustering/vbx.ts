/**
 * Variational Bayes clustering of speaker embeddings, as a mixture without transitions between speakers: Landini et al.,
 * "Bayesian HMM clustering of x-vector sequences (VBx) in speaker diarization", 2022; numbers in parentheses are its
 * equations. Follows pyannote.audio 4's utils/vbx.py.
 */
import type { Labels } from './cut-dendrogram.ts';
import { letEventsIn } from './let-events-in.ts';
import { dotProducts, type Matrix, transposeRows, zeros } from './matrix.ts';

export interface VbxOptions {
  /** Weight of the evidence; below 1, as neighbouring windows hear the same audio. */
  fa: number;
  /** Weight of the prior on speakers: more of it, fewer speakers. */
  fb: number;
  maxIterations: number;
  /** Sharpness of the first responsibilities: a softmax of this at the given label and 0 elsewhere. */
  smoothing: number;
  /** It ends when the bound grows by less. */
  minGain: number;
}

export interface VbxResult {
  /** Probability that a feature is of a speaker; [features, speakers]. Of many initial speakers only some are left. */
  responsibilities: Matrix;
  /** Share of the features that are a speaker's; [speakers]. Those of needless speakers tend to 0. */
  priors: Float64Array;
  /** Evidence lower bound after each iteration. */
  bounds: number[];
}

const STRIP = 256;
/**
 * With more speakers than this, those whose prior falls below the limit are dropped on the way, as they do not come back;
 * with less the computation is upstream's to the last speaker. The prior of one needless speaker tends to about 1e-12.
 */
const PRUNED_ABOVE = 64;
const PRUNED_PRIOR = 1e-9;

/** `features` [n, d] in PLDA space, `phi` [d] the variance between speakers along its axes, `initial` not empty. */
export async function runVbx(
  features: Matrix,
  phi: Float64Array,
  initial: Labels,
  options: VbxOptions,
  signal?: AbortSignal,
): Promise<VbxResult> {
  const { rows, columns } = features;
  const { fa, fb } = options;
  /** log N(x; 0, I), (23). */
  const constants = Float64Array.from({ length: rows }, (_, row) => {
    let sum = columns * Math.log(2 * Math.PI);
    for (let k = row * columns; k < (row + 1) * columns; k++) sum += (features.data[k] as number) ** 2;
    return -0.5 * sum;
  });
  /** (18) */
  const rho: Matrix = {
    data: features.data.map((value, at) => value * Math.sqrt(phi[at % columns] as number)),
    rows,
    columns,
  };
  const gamma = firstResponsibilities(initial, options.smoothing);
  let priors = new Float64Array(initial.count).fill(1 / initial.count);
  const bounds: number[] = [];
  for (let iteration = 0; iteration < options.maxIterations; iteration++) {
    const { alpha, penalties, term: speakerTerm } = await updateSpeakers();
    const evidence = await updateResponsibilities(alpha, penalties);
    const bound = evidence + fb * 0.5 * speakerTerm; // (25)
    const gain = bound - (bounds.at(-1) ?? Number.NEGATIVE_INFINITY);
    bounds.push(bound);
    if (gain < options.minGain) break;
    if (priors.length > PRUNED_ABOVE) prune();
  }
  return { responsibilities: gamma, priors, bounds };

  /** Posterior means of the speakers (16, 17) into `alpha`, what they subtract in (23), and their term of the bound. */
  async function updateSpeakers() {
    const { sums: alpha, totals } = await weightedSums(gamma, rho, signal);
    const penalties = new Float64Array(alpha.rows);
    let term = 0;
    for (let speaker = 0; speaker < alpha.rows; speaker++) {
      let penalty = 0;
      for (let k = 0; k < columns; k++) {
        const between = phi[k] as number;
        const variance = 1 / (1 + (fa / fb) * (totals[speaker] as number) * between);
        const mean = (fa / fb) * variance * (alpha.data[speaker * columns + k] as number);
        alpha.data[speaker * columns + k] = mean;
        penalty += (variance + mean * mean) * between;
        term += Math.log(variance) - variance - mean * mean + 1;
      }
      penalties[speaker] = 0.5 * penalty;
    }
    return { alpha, penalties, term };
  }

  /** Responsibilities and priors. Returns the log-likelihood of all features. */
  async function updateResponsibilities(alpha: Matrix, penalties: Float64Array): Promise<number> {
    const speakers = alpha.rows;
    const logPriors = priors.map((prior) => Math.log(prior + 1e-8));
    const sums = new Float64Array(speakers);
    let evidence = 0;
    for (let from = 0; from < rows; from += STRIP) {
      await letEventsIn(signal);
      const to = Math.min(from + STRIP, rows);
      dotProducts(rho, alpha, gamma.data.subarray(from * speakers), { aFrom: from, aTo: to });
      for (let row = from; row < to; row++) {
        const start = row * speakers;
        let most = Number.NEGATIVE_INFINITY;
        for (let s = 0; s < speakers; s++) {
          const fit = (gamma.data[start + s] as number) - (penalties[s] as number) + (constants[row] as number);
          const value = fa * fit + (logPriors[s] as number); // (23)
          gamma.data[start + s] = value;
          if (value > most) most = value;
        }
        let sum = 0;
        for (let s = 0; s < speakers; s++) {
          const value = Math.exp((gamma.data[start + s] as number) - most);
          gamma.data[start + s] = value;
          sum += value;
        }
        for (let s = 0; s < speakers; s++) {
          const value = (gamma.data[start + s] as number) / sum;
          gamma.data[start + s] = value;
          sums[s] = (sums[s] as number) + value;
        }
        evidence += most + Math.log(sum);
      }
    }
    const all = sums.reduce((total, value) => total + value, 0);
    priors = sums.map((value) => value / all);
    return evidence;
  }

  function prune(): void {
    const kept = [...priors.keys()].filter((speaker) => (priors[speaker] as number) >= PRUNED_PRIOR);
    if (kept.length === priors.length) return;
    keepColumns(gamma, kept);
    priors = Float64Array.from(kept, (speaker) => priors[speaker] as number);
  }
}

function firstResponsibilities({ labels, count }: Labels, smoothing: number): Matrix {
  const gamma = zeros(labels.length, count);
  const total = Math.exp(smoothing) + count - 1;
  gamma.data.fill(1 / total);
  for (let row = 0; row < labels.length; row++) {
    gamma.data[row * count + (labels[row] as number)] = Math.exp(smoothing) / total;
  }
  return gamma;
}

/**
 * Sums of the rows of `points` [n, d] weighted by each column of `weights` [n, s]: [s, d] in `sums`, and the total weight
 * of each column. Strips of both are turned, so that the sums become scalar products.
 */
export async function weightedSums(
  weights: Matrix,
  points: Matrix,
  signal?: AbortSignal,
): Promise<{ sums: Matrix; totals: Float64Array }> {
  const sums = zeros(weights.columns, points.columns);
  const totals = new Float64Array(weights.columns);
  const turnedWeights = new Float64Array(weights.columns * STRIP);
  const turnedPoints = new Float64Array(points.columns * STRIP);
  const part = new Float64Array(sums.data.length);
  for (let from = 0; from < points.rows; from += STRIP) {
    await letEventsIn(signal);
    const to = Math.min(from + STRIP, points.rows);
    const own = transposeRows(weights, from, to, turnedWeights);
    dotProducts(own, transposeRows(points, from, to, turnedPoints), part);
    for (let at = 0; at < part.length; at++) sums.data[at] = (sums.data[at] as number) + (part[at] as number);
    for (let group = 0; group < own.rows; group++) {
      for (let at = group * own.columns; at < (group + 1) * own.columns; at++) {
        totals[group] = (totals[group] as number) + (own.data[at] as number);
      }
    }
  }
  return { sums, totals };
}

/** Keeps those columns only, in the same memory. */
function keepColumns(matrix: Matrix, columns: readonly number[]): void {
  let to = 0;
  for (let row = 0; row < matrix.rows; row++) {
    for (const column of columns) matrix.data[to++] = matrix.data[row * matrix.columns + column] as number;
  }
  matrix.columns = columns.length;
  matrix.data = matrix.data.subarray(0, to);
}
