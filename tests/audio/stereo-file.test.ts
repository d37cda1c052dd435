import { readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { measureTrack, openStereoFile, writeStereoFile } from '../../backend/src/audio/stereo-file.ts';
import { trackOf } from '../support/demucs.ts';
import { seededUniform } from '../support/seeded-weights.ts';
import { tempDir } from '../support/temp-dir.ts';

const never = new AbortController().signal;
const noise = (frames: number) => Float32Array.from(seededUniform('stereo', 2 * frames), (value) => 1.5 * value);

describe('a stereo file', () => {
  it('is read anywhere, left before right, with silence around it', async () => {
    const pcm = noise(5000);
    const path = join(await tempDir(), 'track.f32');
    expect(await writeStereoFile(path, [pcm.subarray(0, 246), pcm.subarray(246, 7000), pcm.subarray(7000)])).toBe(5000);
    await using file = await openStereoFile(path);
    expect(file.frames).toBe(5000);
    const whole = trackOf(pcm);
    for (const [from, count] of [
      [0, 5000],
      [123, 1],
      [-10, 30],
      [4990, 30],
      [-7, 6000],
      [-50, 20],
      [6000, 20],
    ] as const) {
      expect(await file.read(from, count), `${from} ${count}`).toEqual(await whole.read(from, count));
    }
  });

  it('is whole or not there', async () => {
    const dir = await tempDir();
    async function* failing() {
      yield noise(100);
      throw new Error('damaged');
    }
    await expect(writeStereoFile(join(dir, 'track.f32'), failing())).rejects.toThrow('damaged');
    expect(await readdir(dir)).toEqual([]);
    const path = join(dir, 'cut.f32');
    await writeStereoFile(path, [noise(10)]);
    await truncate(path, 79);
    await expect(openStereoFile(path)).rejects.toThrow(/part of a frame/);
  });
});

describe('measureTrack', () => {
  it('tells mean and deviation of both channels’ mean, and the peak, across the parts it reads', async () => {
    const pcm = noise(100_000).map((sample, i) => sample * (i < 60_000 ? 0.1 : 1) + (i < 90_000 ? 0.3 : -0.2));
    const middle = Array.from({ length: 100_000 }, (_, i) => ((pcm[2 * i] ?? 0) + (pcm[2 * i + 1] ?? 0)) / 2);
    const mean = middle.reduce((sum, sample) => sum + sample, 0) / 100_000;
    const std = Math.sqrt(middle.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / 99_999);
    const measured = await measureTrack(trackOf(pcm), never);
    expect(measured.mean).toBeCloseTo(mean, 12);
    expect(measured.std).toBeCloseTo(std, 12);
    expect(measured.peak).toBe(pcm.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0));
  });

  it('knows silence, a single frame and an abort', async () => {
    expect(await measureTrack(trackOf(new Float32Array(20_000)), never)).toEqual({ mean: 0, std: 0, peak: 0 });
    const level = await measureTrack(trackOf(new Float32Array(200_000).fill(0.3)), never);
    expect(level.std).toBeLessThan(1e-12);
    expect(await measureTrack(trackOf(Float32Array.of(0.5, -1)), never)).toEqual({ mean: -0.25, std: 0, peak: 1 });
    await expect(measureTrack(trackOf(noise(10)), AbortSignal.abort('gone'))).rejects.toBe('gone');
  });
});
