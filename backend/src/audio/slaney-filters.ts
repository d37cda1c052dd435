/** The mel filter bank of Whisper's features, which is librosa's default one (librosa.filters.mel, Slaney's scale). */
import { type MelFilters, sparseFilters } from './mel-filters.ts';

/** Slaney's scale (Auditory Toolbox): linear up to 1 kHz, logarithmic above, where 27 steps span a factor of 6.4. */
const HERTZ_PER_MEL = 200 / 3;
const BREAK_HERTZ = 1000;
const BREAK_MEL = BREAK_HERTZ / HERTZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;

function toMel(hertz: number): number {
  return hertz < BREAK_HERTZ ? hertz / HERTZ_PER_MEL : BREAK_MEL + Math.log(hertz / BREAK_HERTZ) / LOG_STEP;
}

function toHertz(mel: number): number {
  return mel < BREAK_MEL ? mel * HERTZ_PER_MEL : BREAK_HERTZ * Math.exp(LOG_STEP * (mel - BREAK_MEL));
}

/**
 * Triangles that are linear in Hertz, from 0 to Nyquist, each of unit area (`norm="slaney"`): row-major
 * [bins, fftSize / 2 + 1].
 */
export function slaneyWeights(sampleRate: number, fftSize: number, bins: number): Float64Array {
  const top = toMel(sampleRate / 2);
  const edges = Float64Array.from({ length: bins + 2 }, (_, i) => toHertz((top * i) / (bins + 1)));
  const columns = fftSize / 2 + 1;
  const weights = new Float64Array(bins * columns);
  for (let bin = 0; bin < bins; bin += 1) {
    const [left = 0, center = 0, right = 0] = edges.subarray(bin, bin + 3);
    for (let k = 0; k < columns; k += 1) {
      const hertz = (k * sampleRate) / fftSize;
      const height = Math.max(0, Math.min((hertz - left) / (center - left), (right - hertz) / (right - center)));
      weights[bin * columns + k] = (2 * height) / (right - left);
    }
  }
  return weights;
}

/** The same, sparse: each filter covers a short run of FFT bins. */
export function createSlaneyFilters(sampleRate: number, fftSize: number, bins: number): MelFilters {
  const columns = fftSize / 2 + 1;
  const dense = slaneyWeights(sampleRate, fftSize, bins);
  const first = new Int32Array(bins);
  const offsets = new Int32Array(bins + 1);
  const used: number[] = [];
  for (let bin = 0; bin < bins; bin += 1) {
    const row = dense.subarray(bin * columns, (bin + 1) * columns);
    const from = Math.max(
      0,
      row.findIndex((weight) => weight > 0),
    );
    first[bin] = from;
    used.push(...row.subarray(from, row.findLastIndex((weight) => weight > 0) + 1));
    offsets[bin + 1] = used.length;
  }
  return sparseFilters(first, offsets, used);
}
