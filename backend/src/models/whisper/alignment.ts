/** Cross-attention of the alignment heads → the encoder frame at which each token begins (openai/whisper, timing.py). */
import { dynamicTimeWarping } from './dtw.ts';

/** Attention probabilities, row-major [heads, tokens, frames]; a frame is 20 ms. */
export interface AttentionWeights {
  heads: number;
  tokens: number;
  frames: number;
  data: Float32Array;
}

/** Frames in the median filter over time. */
const MEDIAN_WIDTH = 7;
const REACH = (MEDIAN_WIDTH - 1) / 2;

/**
 * The first `frames` frames, those that hear audio, each token's attention again summing to 1: what a softmax over
 * the cropped scores gives.
 */
export function cropAttention(weights: AttentionWeights, frames: number): AttentionWeights {
  const kept = Math.min(frames, weights.frames);
  const rows = weights.heads * weights.tokens;
  const data = new Float32Array(rows * kept);
  for (let row = 0; row < rows; row += 1) {
    const source = weights.data.subarray(row * weights.frames, row * weights.frames + kept);
    const sum = source.reduce((total, weight) => total + weight, 0);
    for (let t = 0; t < kept; t += 1) data[row * kept + t] = (source[t] as number) / sum;
  }
  return { heads: weights.heads, tokens: weights.tokens, frames: kept, data };
}

/** How strongly each token listens to each frame [tokens, frames]: standardised over the tokens, smoothed, averaged. */
export function alignmentMatrix({ heads, tokens, frames, data }: AttentionWeights): Float64Array {
  const matrix = new Float64Array(tokens * frames);
  const standard = new Float64Array(tokens * frames);
  for (let head = 0; head < heads; head += 1) {
    standardise(data.subarray(head * tokens * frames, (head + 1) * tokens * frames), standard, tokens, frames);
    for (let token = 0; token < tokens; token += 1) addMedians(standard, matrix, token * frames, frames);
  }
  for (let i = 0; i < matrix.length; i += 1) matrix[i] = (matrix[i] as number) / heads;
  return matrix;
}

/** `from` [tokens, frames] → `to`: at each frame, mean 0 and standard deviation 1 over the tokens. */
function standardise(from: Float32Array, to: Float64Array, tokens: number, frames: number): void {
  const mean = new Float64Array(frames);
  const scale = new Float64Array(frames);
  for (let row = 0; row < from.length; row += frames) {
    for (let t = 0; t < frames; t += 1) mean[t] = (mean[t] as number) + (from[row + t] as number) / tokens;
  }
  for (let row = 0; row < from.length; row += frames) {
    for (let t = 0; t < frames; t += 1) {
      const difference = (from[row + t] as number) - (mean[t] as number);
      scale[t] = (scale[t] as number) + (difference * difference) / tokens;
    }
  }
  for (let t = 0; t < frames; t += 1) {
    const deviation = Math.sqrt(scale[t] as number);
    // All tokens alike at this frame: it tells nothing.
    scale[t] = deviation > 0 ? 1 / deviation : 0;
  }
  for (let row = 0; row < from.length; row += frames) {
    for (let t = 0; t < frames; t += 1) {
      to[row + t] = ((from[row + t] as number) - (mean[t] as number)) * (scale[t] as number);
    }
  }
}

/** Adds the running medians of `from`'s row at `start` to that of `to`; the row is mirrored at its ends. */
function addMedians(from: Float64Array, to: Float64Array, start: number, frames: number): void {
  if (frames <= REACH) {
    for (let t = start; t < start + frames; t += 1) to[t] = (to[t] as number) + (from[t] as number);
    return;
  }
  const valueAt = (t: number): number => {
    const position = Math.abs(t);
    return from[start + (position < frames ? position : 2 * (frames - 1) - position)] as number;
  };
  // The values around the first frame but for the last of them, in order, and one that the first step replaces.
  const window = Float64Array.from({ length: MEDIAN_WIDTH - 1 }, (_, i) => valueAt(i - REACH)).toSorted();
  const sorted = Float64Array.of(Number.NEGATIVE_INFINITY, ...window);
  let leaving = Number.NEGATIVE_INFINITY;
  for (let t = 0; t < frames; t += 1) {
    replace(sorted, leaving, valueAt(t + REACH));
    to[start + t] = (to[start + t] as number) + (sorted[REACH] as number);
    leaving = valueAt(t - REACH);
  }
}

/** In a sorted array, `value` takes the place of one `old`. */
function replace(sorted: Float64Array, old: number, value: number): void {
  let at = sorted.indexOf(old);
  for (; at + 1 < sorted.length && (sorted[at + 1] as number) < value; at += 1) sorted[at] = sorted[at + 1] as number;
  for (; at > 0 && (sorted[at - 1] as number) > value; at -= 1) sorted[at] = sorted[at - 1] as number;
  sorted[at] = value;
}

/** Frame at which each of the tokens [first, last) begins. */
export function tokenFrames(weights: AttentionWeights, first = 0, last = weights.tokens): number[] {
  const { frames } = weights;
  const cost = alignmentMatrix(weights).subarray(first * frames, last * frames);
  for (let i = 0; i < cost.length; i += 1) cost[i] = -(cost[i] as number);
  const path = dynamicTimeWarping(cost, last - first, frames);
  return path.columns.filter((_, i) => path.rows[i] !== path.rows[i - 1]);
}
