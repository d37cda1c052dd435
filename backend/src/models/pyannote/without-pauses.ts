/** Leaves out of windows what no speaker is pooled from. */
import type { EmbeddingBatch } from './embedding-model.ts';
import { FEATURE_BINS } from './feature-windows.ts';

/** Feature frames (10 ms) kept on both sides of those that a mask has. */
const MARGIN = 10;
/** Lengths are multiples of it: a graph plans its memory anew for each length it has not seen. */
const GRAIN = 40;

/**
 * The windows with the pauses cut out, all as long as the longest, means (0) behind the shorter ones; one mask frame a
 * feature frame. An approximation: a network that hears more than a frame at once hears side by side what was apart.
 */
export function withoutPauses(batch: EmbeddingBatch): EmbeddingBatch {
  const { windows, features, featureFrames, masks, speakers, maskFrames } = batch;
  const maskAt = (frame: number) => Math.floor((frame * maskFrames) / featureFrames);
  const kept = Array.from({ length: windows }, (_, window) => neededFrames(batch, window, maskAt));
  const longest = Math.max(0, ...kept.map(({ length }) => length));
  const length = Math.ceil(longest / GRAIN) * GRAIN;
  if (length === 0 || length >= featureFrames) return batch;
  const shortened = new Float32Array(windows * length * FEATURE_BINS);
  const weights = new Float32Array(windows * speakers * length);
  for (const [window, frames] of kept.entries()) {
    for (const [to, frame] of frames.entries()) {
      const from = (window * featureFrames + frame) * FEATURE_BINS;
      shortened.set(features.subarray(from, from + FEATURE_BINS), (window * length + to) * FEATURE_BINS);
      for (let pair = window * speakers; pair < (window + 1) * speakers; pair += 1) {
        weights[pair * length + to] = masks[pair * maskFrames + maskAt(frame)] as number;
      }
    }
  }
  return { windows, features: shortened, featureFrames: length, masks: weights, speakers, maskFrames: length };
}

/** Feature frames near one that some speaker's mask has, rising. */
function neededFrames(
  { featureFrames, masks, speakers, maskFrames }: EmbeddingBatch,
  window: number,
  maskAt: (frame: number) => number,
): number[] {
  const isNeeded = (frame: number) =>
    Array.from({ length: speakers }, (_, speaker) => (window * speakers + speaker) * maskFrames + maskAt(frame)).some(
      (at) => masks[at] !== 0,
    );
  const needed = Array.from({ length: featureFrames }, (_, frame) => isNeeded(frame));
  // Frames since the last needed one, from both sides.
  const near = new Uint8Array(featureFrames);
  for (const order of [[...needed.keys()], [...needed.keys()].toReversed()]) {
    let since = MARGIN + 1;
    for (const frame of order) {
      since = needed[frame] ? 0 : since + 1;
      if (since <= MARGIN) near[frame] = 1;
    }
  }
  return [...near.keys()].filter((frame) => near[frame] === 1);
}
