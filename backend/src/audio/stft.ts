/**
 * Short-time Fourier transform of one channel and its inverse, as torch.stft and torch.istft compute them: periodic Hann
 * window, the signal reflected at both ends, the inverse by weighted overlap-add.
 */
import { createRealFft } from './real-fft.ts';

export interface StftOptions {
  /** Samples of a frame (n_fft): 8·2^a·3^b·5^c. */
  size: number;
  /** Samples from frame to frame. */
  hop: number;
  /** Where the first frame begins, counted from the signal's first sample; negative: inside the reflection. */
  start: number;
  frames: number;
  /** Of the signal. */
  samples: number;
  /** Frequencies kept, from 0 Hz up; at most size / 2 + 1. What is left out is zero for the inverse. */
  bins: number;
  /** Scales spectra by 1 / √size. Default false. */
  normalized?: boolean;
  /** Frames before the first and behind the last that the inverse takes for silent, but in its weights. Default 0. */
  silentFrames?: number;
}

export interface Stft {
  /** `signal` [samples] → `re`, `im` [bins, frames]. */
  forward(signal: Float32Array, re: Float32Array, im: Float32Array): void;
  /** `re`, `im` [bins, frames] → `signal` [samples]; adds to what is there with `add`. */
  inverse(re: Float32Array, im: Float32Array, signal: Float32Array, options?: { add?: boolean }): void;
}

/** The inverse leaves samples alone that no frame covers. Torch's limit. */
const LEAST_WEIGHT = 1e-11;

/** @throws Error where the signal is too short to be reflected as far as the frames reach. */
export function createStft(options: StftOptions): Stft {
  const { size, hop, start, frames, samples, bins, normalized = false, silentFrames = 0 } = options;
  const end = start + (frames - 1) * hop + size;
  if (-start >= samples || end - samples >= samples) {
    throw new Error(`${samples} samples are too few to be reflected over ${Math.max(-start, end - samples)}`);
  }
  const fft = createRealFft(size);
  const window = Float64Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));
  const frame = new Float64Array(size);
  const spectrum = new Float64Array(size + 2);
  const scale = normalized ? 1 / Math.sqrt(size) : 1;
  const sum = new Float64Array(samples);
  const weights = squaredWindows();

  /** Σ window² over all frames at each sample. */
  function squaredWindows(): Float64Array {
    const total = new Float64Array(samples);
    for (let index = -silentFrames; index < frames + silentFrames; index += 1) {
      const from = start + index * hop;
      for (let n = Math.max(0, -from); n < Math.min(size, samples - from); n += 1) {
        total[from + n] = (total[from + n] as number) + (window[n] as number) ** 2;
      }
    }
    return total;
  }

  return {
    forward(signal, re, im) {
      for (let index = 0; index < frames; index += 1) {
        const from = start + index * hop;
        for (let n = 0; n < size; n += 1) {
          const at = from + n;
          const reflected = at < 0 ? -at : at < samples ? at : 2 * (samples - 1) - at;
          frame[n] = (signal[reflected] as number) * (window[n] as number);
        }
        fft.forward(frame, spectrum);
        for (let bin = 0; bin < bins; bin += 1) {
          re[bin * frames + index] = (spectrum[2 * bin] as number) * scale;
          im[bin * frames + index] = (spectrum[2 * bin + 1] as number) * scale;
        }
      }
    },
    inverse(re, im, signal, { add = false } = {}) {
      sum.fill(0);
      spectrum.fill(0);
      for (let index = 0; index < frames; index += 1) {
        for (let bin = 0; bin < bins; bin += 1) {
          spectrum[2 * bin] = re[bin * frames + index] as number;
          spectrum[2 * bin + 1] = im[bin * frames + index] as number;
        }
        fft.inverse(spectrum, frame);
        const from = start + index * hop;
        for (let n = Math.max(0, -from); n < Math.min(size, samples - from); n += 1) {
          sum[from + n] = (sum[from + n] as number) + (frame[n] as number) * (window[n] as number);
        }
      }
      for (let n = 0; n < samples; n += 1) {
        const weight = weights[n] as number;
        const value = weight > LEAST_WEIGHT ? (sum[n] as number) / (weight * scale) : 0;
        signal[n] = add ? (signal[n] as number) + value : value;
      }
    },
  };
}
