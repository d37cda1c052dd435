/**
 * Variational Bayes clustering of speaker embeddings, as a mixture without transitions between speakers: Landini et al.,
 * "Bayesian HMM clustering of x-vector sequences (VBx) in speaker diarization", 2022; numbers in parentheses are its
 * equations. Follows pyannote.audio 4's utils/vbx.py.
 */
import type { Labels } from './cut-dendrogram.ts';
import { letEventsIn } from './let-events-in.ts';
import { dotProducts, type Matrix, zeros } from './matrix.ts';

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
  /** Probability that a feature is of a speaker; [features, speakers]. */
  responsibilities: Matrix;
  /** Share of the features that are a speaker's; [speakers]. Those of needless speakers tend to 0. */
  priors: Float64Array;
  /** Evidence lower bound after each iteration. */
  bounds: number[];
}

/** Responsibilities below it cannot change a sum of doubles. */
const NOTHING = 1e-20;
const STRIP = 1024;

/** `features` [n, d] in PLDA space, `phi` [d] the variance between speakers along its axes, `initial` not empty. */
export async function runVbx(
  features: Matrix,
  phi: Float64Array,
  initial: Labels,
  options: VbxOptions,
  signal?: AbortSignal,
): Promise<VbxResult> {
  const { rows, columns } = features;
  const speakers = initial.count;
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
  const alpha = zeros(speakers, columns);
  let priors = new Float64Array(speakers).fill(1 / speakers);
  const penalties = new Float64Array(speakers);
  const bounds: number[] = [];
  for (let iteration = 0; iteration < options.maxIterations; iteration++) {
    const speakerTerm = await updateSpeakers();
    const evidence = await updateResponsibilities();
    const bound = evidence + fb * 0.5 * speakerTerm; // (25)
    const gain = bound - (bounds.at(-1) ?? Number.NEGATIVE_INFINITY);
    bounds.push(bound);
    if (gain < options.minGain) break;
  }
  return { responsibilities: gamma, priors, bounds };

  /** Posterior means `alpha` and what their uncertainty costs, (16) and (17). Returns their term of the bound. */
  async function updateSpeakers(): Promise<number> {
    const totals = await weightedSums(gamma, rho, alpha, signal);
    let term = 0;
    for (let speaker = 0; speaker < speakers; speaker++) {
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
    return term;
  }

  /** Responsibilities and priors. Returns the log-likelihood of all features. */
  async function updateResponsibilities(): Promise<number> {
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
 * Sums of the rows of `points` [n, d] weighted by each column of `weights` [n, s], into `sums` [s, d]. Returns the total
 * weight of each column. Four rows at a time: a sum is then loaded and stored once for four products.
 */
export async function weightedSums(
  weights: Matrix,
  points: Matrix,
  sums: Matrix,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const { rows, columns } = points;
  const groups = weights.columns;
  const totals = new Float64Array(groups);
  const [w, x, out] = [weights.data, points.data, sums.data];
  out.fill(0);
  const whole = rows - (rows % 4);
  for (let row = 0; row < whole; row += 4) {
    if (row % STRIP === 0) await letEventsIn(signal);
    const x0 = row * columns;
    const [x1, x2, x3] = [x0 + columns, x0 + 2 * columns, x0 + 3 * columns];
    for (let group = 0; group < groups; group++) {
      const at = row * groups + group;
      const w0 = w[at] as number;
      const w1 = w[at + groups] as number;
      const w2 = w[at + 2 * groups] as number;
      const w3 = w[at + 3 * groups] as number;
      const weight = w0 + w1 + w2 + w3;
      totals[group] = (totals[group] as number) + weight;
      if (weight < NOTHING) continue;
      const to = group * columns;
      for (let k = 0; k < columns; k++) {
        const four =
          w0 * (x[x0 + k] as number) +
          w1 * (x[x1 + k] as number) +
          w2 * (x[x2 + k] as number) +
          w3 * (x[x3 + k] as number);
        out[to + k] = (out[to + k] as number) + four;
      }
    }
  }
  for (let row = whole; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const weight = w[row * groups + group] as number;
      totals[group] = (totals[group] as number) + weight;
      for (let k = 0; k < columns; k++) {
        const to = group * columns + k;
        out[to] = (out[to] as number) + weight * (x[row * columns + k] as number);
      }
    }
  }
  return totals;
}
