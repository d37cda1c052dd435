/** Where the windows lie that a recording is heard in, as pyannote.audio places them (core/inference.py, `slide`). */

/** Where samples come from; 16 kHz mono in [−1, 1]. `audio/pcm-file.ts` has one. */
export interface SampleSource {
  readonly samples: number;
  /** [count] samples from the sample `from` on; what lies beyond the end is silence. */
  read(from: number, count: number): Promise<Float32Array>;
}

/** In samples. Window n begins at n · step. */
export interface SlidingWindows {
  size: number;
  step: number;
  count: number;
}

/** What the segmentation model was trained on: 10 s. */
export const WINDOW_SAMPLES = 160_000;
/** pyannote's: 1 s, a tenth of the window. */
export const WINDOW_STEP = 16_000;

/** Windows that cover all samples; the last one reaches beyond them unless it fits. None for no samples. */
export function slidingWindows(samples: number, step = WINDOW_STEP, size = WINDOW_SAMPLES): SlidingWindows {
  if (!Number.isInteger(step) || step < 1 || step > size) throw new RangeError(`A step of ${step} leaves samples out`);
  const count = samples === 0 ? 0 : Math.max(0, Math.ceil((samples - size) / step)) + 1;
  return { size, step, count };
}
