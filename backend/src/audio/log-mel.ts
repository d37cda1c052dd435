/**
 * Whisper's input features (openai/whisper, audio.py: log_mel_spectrogram of a padded or trimmed window): the log mel
 * spectrogram of 30 s at 16 kHz, 100 frames a second, scaled to about [−1, 1].
 */
import { createRealFft } from './real-fft.ts';
import { SAMPLE_RATE } from './sample-rate.ts';
import { createSlaneyFilters } from './slaney-filters.ts';

const FFT_SIZE = 400;
/** Samples between the centres of two frames: 10 ms. */
export const MEL_HOP = 160;
/** Samples the model hears at a time: 30 s. */
export const MEL_SAMPLES = 30 * SAMPLE_RATE;
export const MEL_FRAMES = MEL_SAMPLES / MEL_HOP;
/** Floor under a mel energy before the logarithm. */
const ENERGY_FLOOR = 1e-10;
/** What lies this many powers of ten below the loudest bin is cut off. */
const RANGE = 8;

export interface LogMel {
  readonly bins: number;
  /** PCM in [−1, 1], cut or filled up with silence to 30 s → [bins, MEL_FRAMES] written to `out`. */
  extract(pcm: Float32Array, out?: Float32Array): Float32Array;
}

/** 80 bins, or 128 for large-v3 and its kin. One extractor serves all windows: tables and scratch are shared. */
export function createLogMel(bins: number): LogMel {
  const fft = createRealFft(FFT_SIZE);
  const filters = createSlaneyFilters(SAMPLE_RATE, FFT_SIZE, bins);
  // Periodic Hann, as torch.hann_window makes it.
  const hann = Float64Array.from({ length: FFT_SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / FFT_SIZE));
  const signal = new Float64Array(FFT_SIZE);
  const power = new Float64Array(FFT_SIZE / 2 + 1);
  const energies = new Float64Array(bins);
  const edge = new Float32Array(FFT_SIZE);

  /** Log energies of the frames that hear anything, into their columns of `out`; returns how many, and the loudest. */
  function measure(pcm: Float32Array, out: Float32Array): { frames: number; loudest: number } {
    // The frame `t` is centred on sample 160·t. What it may hear past the end is silence, or the end mirrored.
    const frames = Math.min(MEL_FRAMES, Math.ceil((pcm.length + FFT_SIZE / 2) / MEL_HOP));
    let loudest = Math.log10(ENERGY_FLOOR);
    for (let t = 0; t < frames; t += 1) {
      const start = t * MEL_HOP - FFT_SIZE / 2;
      const inside = start >= 0 && start + FFT_SIZE <= pcm.length;
      if (!inside) copyMirrored(pcm, start, edge);
      const source = inside ? pcm : edge;
      const from = inside ? start : 0;
      for (let i = 0; i < FFT_SIZE; i += 1) signal[i] = (source[from + i] as number) * (hann[i] as number);
      fft.powerSpectrum(signal, power);
      filters.apply(power, energies);
      for (let bin = 0, at = t; bin < bins; bin += 1, at += MEL_FRAMES) {
        const level = Math.log10(Math.max(energies[bin] as number, ENERGY_FLOOR));
        if (level > loudest) loudest = level;
        out[at] = level;
      }
    }
    return { frames, loudest };
  }

  function extract(pcm: Float32Array, out = new Float32Array(bins * MEL_FRAMES)): Float32Array {
    const { frames, loudest } = measure(pcm.subarray(0, MEL_SAMPLES), out);
    const floor = loudest - RANGE;
    const silence = scaled(Math.max(Math.log10(ENERGY_FLOOR), floor));
    for (let row = 0; row < bins * MEL_FRAMES; row += MEL_FRAMES) {
      for (let at = row; at < row + frames; at += 1) out[at] = scaled(Math.max(out[at] as number, floor));
      out.fill(silence, row + frames, row + MEL_FRAMES);
    }
    return out;
  }

  return { bins, extract };
}

function scaled(level: number): number {
  return (level + 4) / 4;
}

/** The padded window's samples from `start` on, which may lie up to 200 samples outside of it: mirrored there. */
function copyMirrored(pcm: Float32Array, start: number, into: Float32Array): void {
  for (let i = 0; i < into.length; i += 1) {
    const position = Math.abs(start + i);
    into[i] = pcm[position < MEL_SAMPLES ? position : 2 * (MEL_SAMPLES - 1) - position] ?? 0;
  }
}
