import { describe, expect, it } from 'vitest';
import { improvement, RunningSdr, sdr, siSdr } from '../../backend/src/audio/separation-metrics.ts';
import { seededUniform } from '../support/seeded-weights.ts';
import { describeWithShared, shared } from '../support/shared.ts';
import { decodeAll } from './media.ts';

const signal = Float32Array.from(seededUniform('metrics/signal', 20_000));
const noise = Float32Array.from(seededUniform('metrics/noise', 20_000));
const sum = (a: number, b: number, offset = 0) => signal.map((sample, i) => a * sample + b * (noise[i] ?? 0) + offset);

describe('sdr', () => {
  it('is the ratio of powers in dB', () => {
    expect(sdr(signal, sum(0.9, 0))).toBeCloseTo(20, 4);
    expect(sdr(signal, sum(0, 0))).toBeCloseTo(0, 10);
    expect(sdr(Float32Array.of(3, 4), Float32Array.of(3, 3))).toBeCloseTo(10 * Math.log10(25), 10);
    expect(sdr(signal, signal)).toBe(Number.POSITIVE_INFINITY);
    expect(sdr(new Float32Array(3), new Float32Array(3))).toBeNaN();
  });
});

describe('siSdr', () => {
  it('is indifferent to scale and offset, unlike sdr', () => {
    const wanted = siSdr(signal, sum(1, 0.1));
    expect(wanted).toBeCloseTo(20, 0);
    expect(siSdr(signal, sum(0.01, 0.001, 0.5))).toBeCloseTo(wanted, 3);
    expect(siSdr(signal, sum(-7, -0.7))).toBeCloseTo(wanted, 3);
    expect(siSdr(signal, sum(0.5, 0))).toBeGreaterThan(120);
    // Of vectors without mean: s = (1, −1, 0, 0), ŝ = s + (0, 0, 1, −1).
    expect(siSdr(Float32Array.of(1, -1, 0, 0), Float32Array.of(1, -1, 1, -1))).toBeCloseTo(0, 10);
    expect(siSdr(Float32Array.of(2, -2, 0, 0), Float32Array.of(2, -2, 1, -1))).toBeCloseTo(10 * Math.log10(4), 10);
  });

  it('is none where there is silence, and refuses lengths that differ', () => {
    expect(siSdr(signal, new Float32Array(20_000))).toBeNaN();
    expect(siSdr(new Float32Array(20_000), signal)).toBeNaN();
    for (const metric of [sdr, siSdr]) expect(() => metric(signal, signal.subarray(1))).toThrow(/19999/);
  });
});

describe('RunningSdr', () => {
  it('agrees with those of whole signals, however they are cut', () => {
    for (const estimate of [sum(1, 0.1), sum(0.5, 0.01, 0.2), sum(-2, 3), noise]) {
      const running = new RunningSdr();
      for (let from = 0; from < signal.length; from += 777) {
        running.add(signal.subarray(from, from + 777), estimate.subarray(from, from + 777));
      }
      expect(running.sdr).toBeCloseTo(sdr(signal, estimate), 8);
      expect(running.siSdr).toBeCloseTo(siSdr(signal, estimate), 6);
    }
    expect(new RunningSdr().siSdr).toBeNaN();
  });
});

async function wave(name: string): Promise<Float32Array> {
  const chunks = await decodeAll(shared('audio/mixtures', name));
  return Float32Array.from(chunks.flatMap((chunk) => [...chunk]));
}

describeWithShared('the metrics on mixtures of two voices', () => {
  it.each([0, 1, 2, 3])(
    'see in mixture %i the one voice under the other, and what taking it away is worth',
    async (n) => {
      const [mixture, one, two] = [
        await wave(`mixture_${n}.wav`),
        await wave(`source1_${n}.wav`),
        await wave(`source2_${n}.wav`),
      ];
      // mixture = a · one + b · two: a and b by least squares.
      const dot = (x: Float32Array, y: Float32Array) => x.reduce((total, sample, i) => total + sample * (y[i] ?? 0), 0);
      const [oo, ot, tt, om, tm] = [dot(one, one), dot(one, two), dot(two, two), dot(one, mixture), dot(two, mixture)];
      const determinant = oo * tt - ot * ot;
      const [a, b] = [(om * tt - tm * ot) / determinant, (tm * oo - om * ot) / determinant];
      const rebuilt = mixture.map((_, i) => a * (one[i] ?? 0) + b * (two[i] ?? 0));
      expect(sdr(mixture, rebuilt)).toBeGreaterThan(100);

      const [scaledOne, scaledTwo] = [one.map((sample) => a * sample), two.map((sample) => b * sample)];
      expect(sdr(scaledOne, mixture)).toBeCloseTo(
        10 * Math.log10(dot(scaledOne, scaledOne) / dot(scaledTwo, scaledTwo)),
        1,
      );
      const mixed = siSdr(one, mixture);
      expect(mixed).toBeLessThan(15);
      // Half of the other voice left: 6 dB better than all of it.
      const estimate = mixture.map((sample, i) => sample - 0.5 * (scaledTwo[i] ?? 0));
      expect(improvement(sdr, { reference: scaledOne, estimate, mixture })).toBeCloseTo(6.02, 1);
      expect(improvement(siSdr, { reference: one, estimate, mixture })).toBeGreaterThan(5);
      expect(improvement(siSdr, { reference: one, estimate, mixture })).toBeLessThan(7);
    },
  );
});
