import { describe, expect, it } from 'vitest';
import {
  createFilterbank,
  type FilterbankOptions,
  LHOTSE_FILTERBANK,
  WESPEAKER_FILTERBANK,
} from '../../backend/src/audio/features.ts';
import wespeaker from '../fixtures/pyannote/fbank.json' with { type: 'json' };
import { seededUniform } from '../support/seeded-weights.ts';

/** A chirp with noise and an offset: every filter gets something. */
function signal(samples: number): Float32Array {
  let random = 12_345;
  return Float32Array.from({ length: samples }, (_, i) => {
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
    const noise = random / 2 ** 31 - 0.5;
    return 0.3 * Math.sin(i * (0.01 + i * 1e-5)) + 0.05 * noise + 0.02;
  });
}

/** The definition, in float64 and without an FFT. */
function reference(pcm: Float32Array, options: FilterbankOptions): number[][] {
  const { frameLength, frameShift, bins, sampleRate } = options;
  const size = 512;
  const origin = options.snipEdges ? 0 : frameShift / 2 - frameLength / 2;
  const frames = options.snipEdges
    ? 1 + Math.floor((pcm.length - frameLength) / frameShift)
    : Math.floor((pcm.length + frameShift / 2) / frameShift);
  const sample = (at: number): number => {
    if (at < 0) return sample(-1 - at);
    return at >= pcm.length ? sample(2 * pcm.length - 1 - at) : (pcm[at] ?? Number.NaN) * options.sampleScale;
  };
  const mel = (hertz: number): number => 1127 * Math.log(1 + hertz / 700);
  const melStep = (mel(options.highHertz) - mel(options.lowHertz)) / (bins + 1);

  return Array.from({ length: frames }, (_, frame) => {
    const raw = Array.from({ length: frameLength }, (_, i) => sample(origin + frame * frameShift + i));
    const mean = raw.reduce((sum, value) => sum + value, 0) / frameLength;
    const centred = raw.map((value) => value - mean);
    const windowed = centred.map((value, i) => {
      const emphasized = value - options.preEmphasis * (centred[Math.max(0, i - 1)] ?? 0);
      const cosine = Math.cos((2 * Math.PI * i) / (frameLength - 1));
      return emphasized * (options.window === 'povey' ? (0.5 - 0.5 * cosine) ** 0.85 : 0.54 - 0.46 * cosine);
    });
    const power = Array.from({ length: size / 2 }, (_, k) => {
      let re = 0;
      let im = 0;
      for (const [i, value] of windowed.entries()) {
        re += value * Math.cos((2 * Math.PI * k * i) / size);
        im -= value * Math.sin((2 * Math.PI * k * i) / size);
      }
      return re * re + im * im;
    });
    return Array.from({ length: bins }, (_, bin) => {
      const left = mel(options.lowHertz) + bin * melStep;
      let energy = 0;
      for (const [k, value] of power.entries()) {
        const rise = (mel((sampleRate / size) * k) - left) / melStep;
        energy += Math.max(0, Math.min(rise, 2 - rise)) * value;
      }
      return Math.log(Math.max(energy, 2 ** -23));
    });
  });
}

function largestDifference(pcm: Float32Array, options: FilterbankOptions): number {
  const expected = reference(pcm, options);
  const { frames, data } = createFilterbank(options).features(pcm);
  expect(frames).toBe(expected.length);
  return Math.max(...expected.flat().map((value, i) => Math.abs(value - (data[i] ?? Number.NaN))));
}

function streamed(pcm: Float32Array, options: FilterbankOptions, chunk: (index: number) => number): number[] {
  const extractor = createFilterbank(options).stream();
  const values: number[] = [];
  const take = (frame: Float32Array): void => void values.push(...frame);
  for (let at = 0, i = 0; at < pcm.length; i += 1) {
    const length = chunk(i);
    extractor.accept(pcm.subarray(at, at + length), take);
    at += length;
  }
  extractor.finish(take);
  return values;
}

describe('filterbank features', () => {
  it('match the definition with the parameters of the k2-fsa models', () => {
    expect(largestDifference(signal(8123), LHOTSE_FILTERBANK)).toBeLessThan(1e-4);
  });

  it('match the definition with the parameters of a speaker model', () => {
    expect(largestDifference(signal(8123), WESPEAKER_FILTERBANK)).toBeLessThan(1e-4);
  });

  it.each([1, 79, 80, 150, 280, 399, 400, 401, 560])('match the definition for a signal of %i samples', (length) => {
    expect(largestDifference(signal(length), LHOTSE_FILTERBANK)).toBeLessThan(1e-4);
  });

  it('are the same bits however the signal is cut into chunks', () => {
    const pcm = signal(20_011);
    for (const options of [LHOTSE_FILTERBANK, WESPEAKER_FILTERBANK]) {
      const whole = [...createFilterbank(options).features(pcm).data];
      for (const chunk of [() => 1, () => 160, () => 1024, (i: number) => 1 + ((i * 7919) % 3000)]) {
        expect(streamed(pcm, options, chunk)).toEqual(whole);
      }
    }
  });

  it('leave a chunk as soon as their samples are there, and streams of one filterbank do not mix', () => {
    const filterbank = createFilterbank(LHOTSE_FILTERBANK);
    const [a, b] = [filterbank.stream(), filterbank.stream()];
    const counts = { a: 0, b: 0 };
    const countA = (): void => {
      counts.a += 1;
    };
    const countB = (): void => {
      counts.b += 1;
    };
    a.accept(signal(279), countA);
    b.accept(signal(3000), countB);
    // Frame 0 reaches to sample 280: it is centred on its shift.
    expect(counts.a).toBe(0);
    a.accept(signal(1), countA);
    expect(counts.a).toBe(1);
    expect(counts.b).toBe(1 + Math.floor((3000 - 280) / 160));
  });

  it('floor digital silence and give nothing for nothing', () => {
    const filterbank = createFilterbank(LHOTSE_FILTERBANK);
    expect(filterbank.features(new Float32Array(0)).frames).toBe(0);
    const silence = filterbank.features(new Float32Array(1600)).data;
    expect(new Set(silence)).toEqual(new Set([Math.fround(Math.log(2 ** -23))]));
  });

  it("match what transformers computes of WeSpeaker's parameters", () => {
    const noise = seededUniform('fbank-signal', wespeaker.samples);
    const pcm = Float32Array.from(noise, (value, i) => 0.01 + value * (i / wespeaker.samples) * 0.5);
    const { frames, data } = createFilterbank(WESPEAKER_FILTERBANK).features(pcm, { meanNormalize: true });
    expect(frames).toBe(wespeaker.frames);
    const differences = Object.entries(wespeaker.rows).flatMap(([frame, row]) =>
      row.map((value, bin) => Math.abs(value - (data[Number(frame) * 80 + bin] ?? Number.NaN))),
    );
    expect(differences).toHaveLength(320);
    expect(Math.max(...differences)).toBeLessThan(1e-4);
  });

  it("match what transformers.js's tests say of WeSpeaker's parameters", () => {
    const pcm = Float32Array.from({ length: 16_000 }, (_, i) => Math.sin(i / 100));
    const { frames, data } = createFilterbank(WESPEAKER_FILTERBANK).features(pcm, { meanNormalize: true });
    expect(frames).toBe(98);
    const known: [number, number][] = [
      [0, -0.193002700805664],
      [1, -0.05825042724609375],
      [78, 0.26834201812744],
      [79, 0.26250171661377],
      [80, 0.19062232971191],
      [-2, -0.43694400787353],
      [-1, -0.42662048339843],
    ];
    for (const [at, value] of known) expect(Math.abs((data.at(at) ?? Number.NaN) - value), `${at}`).toBeLessThan(1e-3);
  });

  it('have zero mean in each bin after mean normalization', () => {
    const { frames, data } = createFilterbank(WESPEAKER_FILTERBANK).features(signal(16_000), { meanNormalize: true });
    for (let bin = 0; bin < 80; bin += 1) {
      let sum = 0;
      for (let frame = 0; frame < frames; frame += 1) sum += data[frame * 80 + bin] ?? Number.NaN;
      expect(Math.abs(sum / frames)).toBeLessThan(1e-4);
    }
  });
});
