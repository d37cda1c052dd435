import { describe, expect, it } from 'vitest';
import { createStft, type Stft } from '../../backend/src/audio/stft.ts';
import { htdemucsStft } from '../../backend/src/models/demucs/htdemucs-graph.ts';
import { demucsReference, type TransformCase } from '../support/demucs.ts';
import { seededUniform } from '../support/seeded-weights.ts';

const reference = await demucsReference();

function stftOf({ name, size, samples, bins, frames }: TransformCase): Stft {
  if (name === 'htdemucs') return htdemucsStft(samples, bins);
  return createStft({ size, hop: 1024, start: -size / 2, frames, samples, bins });
}

const seeded = (name: string, count: number) => Float32Array.from(seededUniform(name, count));

describe('createStft', () => {
  it.each(reference.transforms.map((each) => [each.name, each] as const))('is PyTorch’s for %s', (name, expected) => {
    const stft = stftOf(expected);
    const plane = expected.bins * expected.frames;
    const [re, im] = [new Float32Array(plane), new Float32Array(plane)];
    stft.forward(seeded(`${name}/signal`, expected.samples), re, im);
    const scale = name === 'htdemucs' ? 1 : Math.sqrt(expected.size);
    for (const [i, [bin, frame]] of expected.at.entries()) {
      const at = bin * expected.frames + frame;
      expect(Math.abs((re[at] ?? 0) - (expected.spectrum[i]?.[0] ?? 0)) / scale).toBeLessThan(1e-6);
      expect(Math.abs((im[at] ?? 0) - (expected.spectrum[i]?.[1] ?? 0)) / scale).toBeLessThan(1e-6);
    }
  });

  it.each(reference.transforms.map((each) => [each.name, each] as const))(
    'inverts as PyTorch for %s',
    (name, expected) => {
      expect(expected.length).toBe(expected.samples);
      const plane = expected.bins * expected.frames;
      const spectrum = seeded(`${name}/spectrum`, 2 * plane);
      const [re, im] = [spectrum.subarray(0, plane), spectrum.subarray(plane)];
      im.fill(0, 0, expected.frames);
      im.fill(0, (expected.size / 2) * expected.frames);
      const signal = new Float32Array(expected.samples);
      stftOf(expected).inverse(re, im, signal);
      // Magnitudes go up to 2 for HTDemucs, to 0.1 for the others.
      for (const [i, at] of expected.positions.entries()) {
        expect(Math.abs((signal[at] ?? 0) - (expected.signal[i] ?? 0))).toBeLessThan(1e-6);
      }
    },
  );

  it.each([8192, 20_000, 44_100])('gives back a segment of %i samples, and can add to what is there', (samples) => {
    const signal = seeded('stft/round', samples);
    const frames = Math.ceil(samples / 1024);
    const options = { size: 4096, hop: 1024, start: -1536, frames, samples, bins: 2049 };
    const stft = createStft({ ...options, normalized: true });
    const [re, im] = [new Float32Array(2049 * frames), new Float32Array(2049 * frames)];
    stft.forward(signal, re, im);
    const back = new Float32Array(samples);
    stft.inverse(re, im, back);
    stft.inverse(re, im, back, { add: true });
    expect(Math.max(...back.map((value, i) => Math.abs(value - 2 * (signal[i] ?? 0))))).toBeLessThan(1e-6);
  });

  it('refuses a signal that is too short to be reflected', () => {
    expect(() => htdemucsStft(1536, 2048)).toThrow(/too few/);
    expect(() => htdemucsStft(3000, 2048)).not.toThrow();
  });
});
