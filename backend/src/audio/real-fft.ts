/**
 * Spectra of real signals whose length is 8·2^a·3^b·5^c: the even and odd samples are packed into one complex
 * signal of half the length, transformed by a Stockham FFT of radix 5, 3, 4 and 2 (no bit reversal), and unpacked.
 * Tables and scratch space are made once; a call allocates nothing.
 */
export interface RealFft {
  readonly size: number;
  /** `signal` [size] → `power` [size / 2 + 1], |X_k|² without any scaling. */
  powerSpectrum(signal: Float64Array, power: Float64Array): void;
  /** `signal` [size] → `spectrum` [size / 2 + 1, 2], re and im of X_k = Σ x_n·e^(−2πi·kn/size). */
  forward(signal: Float64Array, spectrum: Float64Array): void;
  /** The inverse, scaled so that it gives back what `forward` took; im of the first and the last bin are left out. */
  inverse(spectrum: Float64Array, signal: Float64Array): void;
}

// Radix 5: cosines and sines of 2π/5 and 4π/5.
const C1 = Math.cos((2 * Math.PI) / 5);
const C2 = Math.cos((4 * Math.PI) / 5);
const S1 = Math.sin((2 * Math.PI) / 5);
const S2 = Math.sin((4 * Math.PI) / 5);
// Radix 3: the sine of 2π/3; its cosine is −1/2.
const S3 = Math.sin((2 * Math.PI) / 3);

export function createRealFft(size: number): RealFft {
  if (size < 8 || !isSupported(size)) throw new Error(`FFT size must be 8·2^a·3^b·5^c, not ${size}`);
  const half = size / 2;
  // Interleaved re, im: [2 · half]
  let front = new Float64Array(size);
  let back = new Float64Array(size);
  const bins = new Float64Array(size + 2);
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
  function radix5(x: Float64Array, y: Float64Array, length: number, stride: number): void {
    const fifth = length / 5;
    const step = size / length;
    for (let p = 0; p < fifth; p += 1) {
      const k1 = p * step;
      const c1 = cos[k1] as number;
      const s1 = sin[k1] as number;
      const c2 = cos[2 * k1] as number;
      const s2 = sin[2 * k1] as number;
      const c3 = cos[3 * k1] as number;
      const s3 = sin[3 * k1] as number;
      const c4 = cos[4 * k1] as number;
      const s4 = sin[4 * k1] as number;
      const i0 = 2 * stride * p;
      const i1 = i0 + 2 * stride * fifth;
      const i2 = i1 + 2 * stride * fifth;
      const i3 = i2 + 2 * stride * fifth;
      const i4 = i3 + 2 * stride * fifth;
      const o0 = 10 * stride * p;
      const o1 = o0 + 2 * stride;
      const o2 = o1 + 2 * stride;
      const o3 = o2 + 2 * stride;
      const o4 = o3 + 2 * stride;
      for (let q = 0; q < 2 * stride; q += 2) {
        const ar = x[i0 + q] as number;
        const ai = x[i0 + q + 1] as number;
        const br = x[i1 + q] as number;
        const bi = x[i1 + q + 1] as number;
        const cr = x[i2 + q] as number;
        const ci = x[i2 + q + 1] as number;
        const dr = x[i3 + q] as number;
        const di = x[i3 + q + 1] as number;
        const er = x[i4 + q] as number;
        const ei = x[i4 + q + 1] as number;
        const outerR = br + er;
        const outerI = bi + ei;
        const innerR = cr + dr;
        const innerI = ci + di;
        const outerDifferenceR = br - er;
        const outerDifferenceI = bi - ei;
        const innerDifferenceR = cr - dr;
        const innerDifferenceI = ci - di;
        const even1R = ar + C1 * outerR + C2 * innerR;
        const even1I = ai + C1 * outerI + C2 * innerI;
        const even2R = ar + C2 * outerR + C1 * innerR;
        const even2I = ai + C2 * outerI + C1 * innerI;
        // −i times these is added to the even part of 1, 2 and taken from that of 4, 3.
        const odd1R = S1 * outerDifferenceR + S2 * innerDifferenceR;
        const odd1I = S1 * outerDifferenceI + S2 * innerDifferenceI;
        const odd2R = S2 * outerDifferenceR - S1 * innerDifferenceR;
        const odd2I = S2 * outerDifferenceI - S1 * innerDifferenceI;
        y[o0 + q] = ar + outerR + innerR;
        y[o0 + q + 1] = ai + outerI + innerI;
        const t1r = even1R + odd1I;
        const t1i = even1I - odd1R;
        y[o1 + q] = t1r * c1 - t1i * s1;
        y[o1 + q + 1] = t1r * s1 + t1i * c1;
        const t2r = even2R + odd2I;
        const t2i = even2I - odd2R;
        y[o2 + q] = t2r * c2 - t2i * s2;
        y[o2 + q + 1] = t2r * s2 + t2i * c2;
        const t3r = even2R - odd2I;
        const t3i = even2I + odd2R;
        y[o3 + q] = t3r * c3 - t3i * s3;
        y[o3 + q + 1] = t3r * s3 + t3i * c3;
        const t4r = even1R - odd1I;
        const t4i = even1I + odd1R;
        y[o4 + q] = t4r * c4 - t4i * s4;
        y[o4 + q + 1] = t4r * s4 + t4i * c4;
      }
    }
  }

  /** As `radix5`, in three. */
  function radix3(x: Float64Array, y: Float64Array, length: number, stride: number): void {
    const third = length / 3;
    const step = size / length;
    for (let p = 0; p < third; p += 1) {
      const k1 = p * step;
      const c1 = cos[k1] as number;
      const s1 = sin[k1] as number;
      const c2 = cos[2 * k1] as number;
      const s2 = sin[2 * k1] as number;
      const i0 = 2 * stride * p;
      const i1 = i0 + 2 * stride * third;
      const i2 = i1 + 2 * stride * third;
      const o0 = 6 * stride * p;
      const o1 = o0 + 2 * stride;
      const o2 = o1 + 2 * stride;
      for (let q = 0; q < 2 * stride; q += 2) {
        const ar = x[i0 + q] as number;
        const ai = x[i0 + q + 1] as number;
        const br = x[i1 + q] as number;
        const bi = x[i1 + q + 1] as number;
        const cr = x[i2 + q] as number;
        const ci = x[i2 + q + 1] as number;
        const sumR = br + cr;
        const sumI = bi + ci;
        const evenR = ar - 0.5 * sumR;
        const evenI = ai - 0.5 * sumI;
        const oddR = S3 * (br - cr);
        const oddI = S3 * (bi - ci);
        y[o0 + q] = ar + sumR;
        y[o0 + q + 1] = ai + sumI;
        // −i times the odd part is added for 1 and taken for 2.
        const t1r = evenR + oddI;
        const t1i = evenI - oddR;
        y[o1 + q] = t1r * c1 - t1i * s1;
        y[o1 + q + 1] = t1r * s1 + t1i * c1;
        const t2r = evenR - oddI;
        const t2i = evenI + oddR;
        y[o2 + q] = t2r * c2 - t2i * s2;
        y[o2 + q + 1] = t2r * s2 + t2i * c2;
      }
    }
  }

  /** As `radix5`, in four. */
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

  /** The complex signal in `front` → its spectrum, in `front` again. */
  function transform(): void {
    let length = half;
    let stride = 1;
    while (length % 5 === 0) {
      radix5(front, back, length, stride);
      swap();
      length /= 5;
      stride *= 5;
    }
    while (length % 3 === 0) {
      radix3(front, back, length, stride);
      swap();
      length /= 3;
      stride *= 3;
    }
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
  }

  function forward(signal: Float64Array, spectrum: Float64Array): void {
    front.set(signal);
    transform();
    const z = front;
    const z0r = z[0] as number;
    const z0i = z[1] as number;
    spectrum[0] = z0r + z0i;
    spectrum[1] = 0;
    spectrum[size] = z0r - z0i;
    spectrum[size + 1] = 0;
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
      spectrum[2 * k] = evenR + turnedR;
      spectrum[2 * k + 1] = evenI + turnedI;
      spectrum[size - 2 * k] = evenR - turnedR;
      spectrum[size - 2 * k + 1] = turnedI - evenI;
    }
  }

  function powerSpectrum(signal: Float64Array, power: Float64Array): void {
    forward(signal, bins);
    for (let k = 0; k <= half; k += 1) {
      const real = bins[2 * k] as number;
      const imaginary = bins[2 * k + 1] as number;
      power[k] = real * real + imaginary * imaginary;
    }
  }

  function inverse(spectrum: Float64Array, signal: Float64Array): void {
    // Z_k = E_k + i·O_k with E_k = (X_k + conj X_(half−k)) / 2, O_k = (X_k − conj X_(half−k)) / 2 · W^−k. The forward
    // transform inverts when real and imaginary parts change places before and after it.
    const last = spectrum[size] as number;
    const first = spectrum[0] as number;
    front[0] = 0.5 * (first - last);
    front[1] = 0.5 * (first + last);
    for (let k = 1; k < half; k += 1) {
      const ar = spectrum[2 * k] as number;
      const ai = spectrum[2 * k + 1] as number;
      const br = spectrum[size - 2 * k] as number;
      const bi = spectrum[size - 2 * k + 1] as number;
      const differenceR = 0.5 * (ar - br);
      const differenceI = 0.5 * (ai + bi);
      const c = cos[k] as number;
      const s = sin[k] as number;
      front[2 * k] = 0.5 * (ai - bi) + differenceR * c + differenceI * s;
      front[2 * k + 1] = 0.5 * (ar + br) - (differenceI * c - differenceR * s);
    }
    transform();
    for (let n = 0; n < size; n += 2) {
      signal[n] = (front[n + 1] as number) / half;
      signal[n + 1] = (front[n] as number) / half;
    }
  }

  return { size, powerSpectrum, forward, inverse };
}

function isSupported(size: number): boolean {
  let rest = size / 8;
  while (rest % 5 === 0) rest /= 5;
  while (rest % 3 === 0) rest /= 3;
  return Number.isInteger(Math.log2(rest));
}
