/** Triangular filters on the mel scale, kept sparse: each covers a short run of FFT bins. */
export interface MelFilters {
  readonly bins: number;
  /** `power` [fftSize / 2 + 1] → `energies` [bins], the filters' weighted sums. */
  apply(power: Float64Array, energies: Float64Array): void;
}

/** HTK's mel scale, as Kaldi uses it (feat/mel-computations.h). */
function mel(hertz: number): number {
  return 1127 * Math.log(1 + hertz / 700);
}

export interface MelOptions {
  sampleRate: number;
  fftSize: number;
  bins: number;
  lowHertz: number;
  highHertz: number;
}

/** Kaldi's bank: triangles that are linear in mel, of unit height; the Nyquist bin is left out. */
export function createMelFilters({ sampleRate, fftSize, bins, lowHertz, highHertz }: MelOptions): MelFilters {
  const low = mel(lowHertz);
  const step = (mel(highHertz) - low) / (bins + 1);
  const positions = Float64Array.from({ length: fftSize / 2 }, (_, k) => mel((sampleRate / fftSize) * k));
  const first = new Int32Array(bins);
  const offsets = new Int32Array(bins + 1);
  const weights: number[] = [];
  for (let bin = 0; bin < bins; bin += 1) {
    const left = low + bin * step;
    const center = left + step;
    const right = center + step;
    first[bin] = -1;
    for (const [k, position] of positions.entries()) {
      if (position <= left || position >= right) continue;
      if (first[bin] === -1) first[bin] = k;
      weights.push(position <= center ? (position - left) / step : (right - position) / step);
    }
    offsets[bin + 1] = weights.length;
  }
  return sparseFilters(first, offsets, weights);
}

/**
 * Filters that each cover a run of FFT bins: filter i begins at bin `first[i]` with the weights `offsets[i]` up to
 * `offsets[i + 1]`.
 */
export function sparseFilters(first: Int32Array, offsets: Int32Array, weights: readonly number[]): MelFilters {
  const bins = first.length;
  const table = Float64Array.from(weights);

  function apply(power: Float64Array, energies: Float64Array): void {
    let at = 0;
    for (let bin = 0; bin < bins; bin += 1) {
      const end = offsets[bin + 1] as number;
      let k = first[bin] as number;
      let sum = 0;
      for (; at < end; at += 1, k += 1) sum += (table[at] as number) * (power[k] as number);
      energies[bin] = sum;
    }
  }

  return { bins, apply };
}
