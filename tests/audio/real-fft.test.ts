import { describe, expect, it } from 'vitest';
import { createRealFft } from '../../backend/src/audio/real-fft.ts';
import { seededUniform } from '../support/seeded-weights.ts';

/** Every radix alone and together, and the sizes in use. */
const SIZES = [8, 16, 24, 40, 72, 120, 200, 400, 512, 4096, 5120, 6144, 7680];

/** [re, im] of X_k by its definition. */
function bin(signal: Float64Array, k: number): [number, number] {
  let [re, im] = [0, 0];
  for (const [n, value] of signal.entries()) {
    const angle = (2 * Math.PI * ((k * n) % signal.length)) / signal.length;
    re += value * Math.cos(angle);
    im -= value * Math.sin(angle);
  }
  return [re, im];
}

describe('createRealFft', () => {
  it.each(SIZES)('of %i samples makes the spectrum of the definition, and the power is its square', (size) => {
    const fft = createRealFft(size);
    const signal = seededUniform(`fft/${size}`, size);
    const spectrum = new Float64Array(size + 2).fill(Number.NaN);
    const power = new Float64Array(size / 2 + 1);
    fft.forward(signal, spectrum);
    fft.powerSpectrum(signal, power);
    for (let k = 0; k <= size / 2; k += Math.max(1, Math.floor(size / 100))) {
      const [re, im] = bin(signal, k);
      expect(spectrum[2 * k]).toBeCloseTo(re, 9);
      expect(spectrum[2 * k + 1]).toBeCloseTo(im, 9);
      expect(power[k]).toBeCloseTo(re * re + im * im, 7);
    }
  });

  it.each(SIZES)('of %i samples gives back the signal', (size) => {
    const fft = createRealFft(size);
    const signal = seededUniform(`fft/${size}`, size);
    const spectrum = new Float64Array(size + 2);
    const back = new Float64Array(size);
    fft.forward(signal, spectrum);
    fft.inverse(spectrum, back);
    expect(Math.max(...back.map((value, i) => Math.abs(value - (signal[i] ?? 0))))).toBeLessThan(1e-14);
  });
});
