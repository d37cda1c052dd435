/** The filterbank features of overlapping windows, each frame computed once. */
import { createFilterbank, subtractMeans, WESPEAKER_FILTERBANK } from '../../audio/features.ts';
import type { SampleSource, SlidingWindows } from './sliding-windows.ts';

const { bins, frameLength, frameShift } = WESPEAKER_FILTERBANK;
export const FEATURE_BINS = bins;

/** Whole frames in so many samples. */
export function featureFrames(samples: number): number {
  return samples < frameLength ? 0 : 1 + Math.floor((samples - frameLength) / frameShift);
}

export interface FeatureWindows {
  /** In each window: 998 in 10 s. */
  readonly frames: number;
  /** Window `index` as [frames, 80] into `target`, each bin's mean over the window subtracted. Asked for in rising order. */
  read(index: number, target: Float32Array): Promise<void>;
}

/** Frames do not depend on what lies around them, so windows that begin a multiple of 10 ms apart share them. */
export function createFeatureWindows(audio: SampleSource, { size, step }: SlidingWindows): FeatureWindows {
  const filterbank = createFilterbank(WESPEAKER_FILTERBANK);
  const frames = featureFrames(size);
  const shares = step % frameShift === 0;
  /** Of the window read last: [frames, bins] without its mean subtracted. */
  const held = new Float32Array(frames * bins);
  let heldFrom = Number.NEGATIVE_INFINITY;

  return {
    frames,
    async read(index, target) {
      const from = index * step;
      const moved = (from - heldFrom) / frameShift;
      const kept = shares && moved >= 0 ? Math.max(0, frames - moved) : 0;
      held.copyWithin(0, (frames - kept) * bins);
      if (kept < frames) {
        const count = frames - kept;
        const pcm = await audio.read(from + kept * frameShift, (count - 1) * frameShift + frameLength);
        held.set(filterbank.features(pcm).data, kept * bins);
      }
      heldFrom = from;
      target.set(held);
      subtractMeans(target.subarray(0, held.length), bins);
    },
  };
}
