/**
 * Power spectrum of a real signal whose length is a power of two: the even and odd samples are packed into one
 * complex signal of half the length, transformed by a Stockham radix-4 FFT (no bit reversal), and unpacked.
 * Tables and scratch space are made once; a call allocates nothing.
 */
export interface RealFft {
  readonly size: number;
  /** `signal` [size] → `power` [size / 2 + 1], |X_k|² without any scaling. */
  powerSpectrum(signal: Float64Array, power: Float64Array): void;
}

export function createRealFft(size: number): RealFft {
  if (size < 8 || (size & (size - 1)) !== 0) throw new Error(`FFT size must be a power of two ≥ 8, not ${size}`);
  const half = size / 2;
  // Interleaved re, im: [2 · half]
  let front = new Float64Array(size);
  let back = new Float64Array(size);
  // e^(-2πi·k/size), k < size; the half-size transform uses every second one.
  const cos = new Float64Array(size);
  const sin = new Float64Array(size);
  for (let k = 0; k < size; k += 1) {
    cos[k] = Math.cos((2 * Math.PI * k) / size);
    sin[k] = -Math.sin((2 * Math.PI * k) / size);
  }

  function swap(): void {
    const kept = front;
    front = back;
    back = kept;
  }

  /** Stockham stage: `length` points left to split, `stride` interleaved transforms. */
  function radix4(x: Float64Array, y: Float64Array, length: number, stride: number): void {
    const quarter = length / 4;
    const step = size / length;
    for (let p = 0; p < quarter; p += 1) {
      const k1 = p * step;
      const c1 = cos[k1] as number;
      const s1 = sin[k1] as number;
      const c2 = cos[2 * k1] as number;
      const s2 = sin[2 * k1] as number;
      const c3 = cos[3 * k1] as number;
      const s3 = sin[3 * k1] as number;
      const i0 = 2 * stride * p;
      const i1 = i0 + 2 * stride * quarter;
      const i2 = i1 + 2 * stride * quarter;
      const i3 = i2 + 2 * stride * quarter;
      const o0 = 8 * stride * p;
      const o1 = o0 + 2 * stride;
      const o2 = o1 + 2 * stride;
      const o3 = o2 + 2 * stride;
      for (let q = 0; q < 2 * stride; q += 2) {
        const ar = x[i0 + q] as number;
        const ai = x[i0 + q + 1] as number;
        const br = x[i1 + q] as number;
        const bi = x[i1 + q + 1] as number;
        const cr = x[i2 + q] as number;
        const ci = x[i2 + q + 1] as number;
        const dr = x[i3 + q] as number;
        const di = x[i3 + q + 1] as number;
        const sumR = ar + cr;
        const sumI = ai + ci;
        const differenceR = ar - cr;
        const differenceI = ai - ci;
        const oddSumR = br + dr;
        const oddSumI = bi + di;
        // −i · (b − d)
        const turnedR = bi - di;
        const turnedI = dr - br;
        y[o0 + q] = sumR + oddSumR;
        y[o0 + q + 1] = sumI + oddSumI;
        const t1r = differenceR + turnedR;
        const t1i = differenceI + turnedI;
        y[o1 + q] = t1r * c1 - t1i * s1;
        y[o1 + q + 1] = t1r * s1 + t1i * c1;
        const t2r = sumR - oddSumR;
        const t2i = sumI - oddSumI;
        y[o2 + q] = t2r * c2 - t2i * s2;
        y[o2 + q + 1] = t2r * s2 + t2i * c2;
        const t3r = differenceR - turnedR;
        const t3i = differenceI - turnedI;
        y[o3 + q] = t3r * c3 - t3i * s3;
        y[o3 + q + 1] = t3r * s3 + t3i * c3;
      }
    }
  }

  /** The last stage of a length that is no power of four: `half / 2` transforms of two points. */
  function radix2(x: Float64Array, y: Float64Array): void {
    for (let q = 0; q < half; q += 1) {
      const a = x[q] as number;
      const b = x[q + half] as number;
      y[q] = a + b;
      y[q + half] = a - b;
    }
  }

  function powerSpectrum(signal: Float64Array, power: Float64Array): void {
    front.set(signal);
    let length = half;
    let stride = 1;
    while (length >= 4) {
      radix4(front, back, length, stride);
      swap();
      length /= 4;
      stride *= 4;
    }
    if (length === 2) {
      radix2(front, back);
      swap();
    }
    const z = front;
    const z0r = z[0] as number;
    const z0i = z[1] as number;
    power[0] = (z0r + z0i) * (z0r + z0i);
    power[half] = (z0r - z0i) * (z0r - z0i);
    // X_k = E_k + W^k · O_k, X_(half−k) = conj(E_k − W^k · O_k), with E, O the spectra of even and odd samples.
    for (let k = 1; k <= half / 2; k += 1) {
      const ar = z[2 * k] as number;
      const ai = z[2 * k + 1] as number;
      const br = z[size - 2 * k] as number;
      const bi = z[size - 2 * k + 1] as number;
      const evenR = 0.5 * (ar + br);
      const evenI = 0.5 * (ai - bi);
      const oddR = 0.5 * (ai + bi);
      const oddI = 0.5 * (br - ar);
      const c = cos[k] as number;
      const s = sin[k] as number;
      const turnedR = oddR * c - oddI * s;
      const turnedI = oddR * s + oddI * c;
      const lowR = evenR + turnedR;
      const lowI = evenI + turnedI;
      const highR = evenR - turnedR;
      const highI = evenI - turnedI;
      power[k] = lowR * lowR + lowI * lowI;
      power[half - k] = highR * highR + highI * highI;
    }
  }

  return { size, powerSpectrum };
}
