import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createLogMel, MEL_FRAMES, MEL_HOP, MEL_SAMPLES } from '../../backend/src/audio/log-mel.ts';
import { createRealFft } from '../../backend/src/audio/real-fft.ts';
import { slaneyWeights } from '../../backend/src/audio/slaney-filters.ts';
import { describeWithShared, shared } from '../support/shared.ts';

const FFT_SIZE = 400;
const COLUMNS = FFT_SIZE / 2 + 1;
const COS = Float64Array.from({ length: FFT_SIZE }, (_, i) => Math.cos((2 * Math.PI * i) / FFT_SIZE));
const SIN = Float64Array.from({ length: FFT_SIZE }, (_, i) => Math.sin((2 * Math.PI * i) / FFT_SIZE));

/** openai/whisper's log_mel_spectrogram after pad_or_trim, term by term in float64. */
function reference(pcm: Float32Array, bins: number): Float64Array {
  const padded = new Float64Array(MEL_SAMPLES);
  padded.set(pcm.subarray(0, MEL_SAMPLES));
  const weights = slaneyWeights(16_000, FFT_SIZE, bins);
  const out = new Float64Array(bins * MEL_FRAMES);
  const power = new Float64Array(COLUMNS);
  for (let t = 0; t < MEL_FRAMES; t += 1) {
    const frame = Float64Array.from({ length: FFT_SIZE }, (_, i) => {
      const at = Math.abs(t * MEL_HOP - FFT_SIZE / 2 + i);
      const sample = padded[at < MEL_SAMPLES ? at : 2 * MEL_SAMPLES - 2 - at] ?? 0;
      return sample * (0.5 - 0.5 * (COS[i] ?? 0));
    });
    for (let k = 0; k < COLUMNS; k += 1) {
      let re = 0;
      let im = 0;
      for (let i = 0; i < FFT_SIZE; i += 1) {
        re += (frame[i] as number) * (COS[(k * i) % FFT_SIZE] as number);
        im -= (frame[i] as number) * (SIN[(k * i) % FFT_SIZE] as number);
      }
      power[k] = re * re + im * im;
    }
    for (let bin = 0; bin < bins; bin += 1) {
      let energy = 0;
      for (let k = 0; k < COLUMNS; k += 1) energy += (weights[bin * COLUMNS + k] as number) * (power[k] as number);
      out[bin * MEL_FRAMES + t] = Math.log10(Math.max(energy, 1e-10));
    }
  }
  const loudest = out.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return out.map((level) => (Math.max(level, loudest - 8) + 4) / 4);
}

/** A rising tone in noise that fades, so that every bin is used and the floor is reached. */
function signal(samples: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: samples }, (_, i) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const time = i / 16_000;
    const noise = state / 2 ** 31 - 1;
    return 0.4 * Math.sin(2 * Math.PI * (100 + 120 * time) * time) + 0.2 * noise * Math.exp(-time);
  });
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i += 1) largest = Math.max(largest, Math.abs((a[i] ?? 0) - (b[i] ?? 0)));
  return largest;
}

describe('log mel features', () => {
  it.each([
    [80, 30.5],
    [80, 30],
    [128, 29.999],
    [128, 7.3],
    [80, 0.01],
  ])('of %i bins equal the reference for %f s', (bins, seconds) => {
    const pcm = signal(Math.round(seconds * 16_000));
    expect(largestDifference(createLogMel(bins).extract(pcm), reference(pcm, bins))).toBeLessThan(1e-5);
  });

  it('of silence are flat, and the extractor keeps nothing of the window before', () => {
    const mel = createLogMel(80);
    const fresh = mel.extract(signal(16_000));
    const out = mel.extract(signal(MEL_SAMPLES));
    expect(mel.extract(new Float32Array(0), out).every((value) => value === -1.5)).toBe(true);
    expect(mel.extract(signal(16_000), out)).toEqual(fresh);
  });
});

describe('the FFT', () => {
  it.each([8, 40, 200, 400, 512, 1000])('of %i points equals the sum it stands for', (size) => {
    const input = Float64Array.from(signal(size));
    const power = new Float64Array(size / 2 + 1);
    createRealFft(size).powerSpectrum(input, power);
    const expected = power.map((_, k) => {
      const angle = (i: number): number => (2 * Math.PI * k * i) / size;
      const re = input.reduce((sum, sample, i) => sum + sample * Math.cos(angle(i)), 0);
      const im = input.reduce((sum, sample, i) => sum + sample * Math.sin(angle(i)), 0);
      return re * re + im * im;
    });
    expect(largestDifference(power, expected)).toBeLessThan(1e-9);
  });

  it('refuses other lengths', () => {
    for (const size of [4, 7, 12, 100, 4097, 56]) expect(() => createRealFft(size)).toThrow(/8·2\^a·3\^b·5\^c/);
  });
});

describeWithShared("Whisper's mel filters", () => {
  it.each([80, 128])('with %i bins equal the published ones', (bins) => {
    const expected = readNpyFloats(readZipEntry(readFileSync(shared('whisper/mel_filters.npz')), `mel_${bins}.npy`));
    expect(largestDifference(slaneyWeights(16_000, FFT_SIZE, bins), expected)).toBeLessThan(1e-6);
  });
});

/** A deflated entry of a zip file, found by its local header. */
function readZipEntry(zip: Buffer, name: string): Buffer {
  const directory = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  for (let at = zip.readUInt32LE(directory + 16); zip.readUInt32LE(at) === 0x02014b50; ) {
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    if (zip.toString('latin1', at + 46, at + 46 + (nameLength ?? 0)) === name) {
      const local = zip.readUInt32LE(at + 42);
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      return inflateRawSync(zip.subarray(start, start + zip.readUInt32LE(at + 20)));
    }
    at += 46 + (nameLength ?? 0) + (extra ?? 0) + (comment ?? 0);
  }
  throw new Error(`the archive has no ${name}`);
}

function readNpyFloats(npy: Buffer): Float32Array {
  const start = 10 + npy.readUInt16LE(8);
  return Float32Array.from({ length: (npy.length - start) / 4 }, (_, i) => npy.readFloatLE(start + 4 * i));
}
