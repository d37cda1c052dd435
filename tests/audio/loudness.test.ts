/** Against ffmpeg's own meter, and the standard's sine. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { createLoudnessMeter } from '../../backend/src/audio/loudness.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);

function stereo(seconds: number, rate: number, sample: (i: number, channel: number) => number): Float32Array {
  return Float32Array.from({ length: 2 * Math.round(seconds * rate) }, (_, i) => sample(i >> 1, i % 2));
}

function measured(samples: Float32Array, rate: number, part = 1000): number | null {
  const meter = createLoudnessMeter(rate);
  for (let at = 0; at < samples.length; at += part) meter.add(samples.subarray(at, at + part));
  return meter.integrated();
}

it('a sine of 997 Hz at full scale in one channel has −3.01 LUFS', () => {
  const tone = (i: number, channel: number) => (channel === 0 ? Math.sin((2 * Math.PI * 997 * i) / 48_000) : 0);
  expect(measured(stereo(5, 48_000, tone), 48_000)).toBeCloseTo(-3.01, 1);
});

it('silence and less than a block have none', () => {
  expect(measured(new Float32Array(200_000), 44_100)).toBeNull();
  expect(
    measured(
      stereo(0.3, 44_100, () => 0.5),
      44_100,
    ),
  ).toBeNull();
});

it.each([44_100, 48_000])('is ffmpeg’s at %i Hz, quiet parts left out', async (rate) => {
  const random = seededRandom(rate);
  const samples = stereo(12, rate, (i, channel) => {
    const loud = Math.floor(i / (2 * rate)) % 3 === 1 ? 0.01 : 0.3;
    return loud * (Math.sin(i / (11 + 9 * channel)) + random() - 0.5);
  });
  const path = join(await tempDir(), 'a.f32');
  await writeFile(path, new Uint8Array(samples.buffer));
  const input = ['-f', 'f32le', '-ar', `${rate}`, '-ac', '2', '-i', path];
  const { stderr } = await run('ffmpeg', ['-nostats', ...input, '-af', 'ebur128', '-f', 'null', '-']);
  const theirs = Number(/Integrated loudness:\s+I:\s+(-?[\d.]+) LUFS/.exec(stderr)?.[1]);
  expect(Math.abs((measured(samples, rate, 999 * 2) ?? 0) - theirs)).toBeLessThan(0.1);
});
