import { execFile } from 'node:child_process';
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type EncoderOptions, type Encoding, openEncoder } from '../../backend/src/audio/encode.ts';
import { probeAudio } from '../../backend/src/audio/probe.ts';
import { wavHeader } from '../../backend/src/audio/wav-file.ts';
import { wavLength } from '../../backend/src/audio/wav-header.ts';
import { seededUniform } from '../support/seeded-weights.ts';
import { tempDir } from '../support/temp-dir.ts';
import { fakeProgram, processesNaming, refusal } from './media.ts';

const run = promisify(execFile);
const signal = new AbortController().signal;
const FRAMES = 66_150;

/** A chord, louder on the left. */
const chord = Float32Array.from({ length: 2 * FRAMES }, (_, i) => {
  const t = Math.floor(i / 2) / 44_100;
  return (Math.sin(2 * Math.PI * 440 * t) + Math.sin(2 * Math.PI * 1234 * t)) * (i % 2 === 0 ? 0.3 : 0.15);
});

async function encode(path: string, encoding: Encoding, pcm: Float32Array, options: Partial<EncoderOptions> = {}) {
  await using encoder = await openEncoder(path, { encoding, sampleRate: 44_100, channels: 2, signal, ...options });
  for (let at = 0; at < pcm.length; at += 20_000) await encoder.write(pcm.subarray(at, at + 20_000));
  return await encoder.finish();
}

/** By ffmpeg, [n, 2] at 44.1 kHz. */
async function decode(path: string): Promise<Float32Array> {
  const args = ['-v', 'error', '-i', path, '-ar', '44100', '-f', 'f32le', '-'];
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 2 ** 28 });
  return new Float32Array(Uint8Array.from(stdout).buffer);
}

const furthest = (one: Float32Array, other: Float32Array) =>
  one.length === other.length
    ? one.reduce((most, sample, i) => Math.max(most, Math.abs(sample - (other[i] ?? 0))), 0)
    : Number.POSITIVE_INFINITY;

describe('openEncoder', () => {
  const lossless: [Encoding, number, string][] = [
    [{ format: 'wav', sample: 's16' }, 2 ** -16, 'pcm_s16le'],
    [{ format: 'wav', sample: 's24' }, 2 ** -24, 'pcm_s24le'],
    [{ format: 'wav', sample: 'f32' }, 0, 'pcm_f32le'],
    [{ format: 'flac', sample: 's16' }, 2 ** -16, 'flac'],
    [{ format: 'flac', sample: 's24' }, 2 ** -24, 'flac'],
  ];

  it.each(lossless)('writes %j so that it comes back within %f', async (encoding, error, codec) => {
    const path = join(await tempDir(), `stem.${encoding.format}`);
    expect(await encode(path, encoding, chord)).toBe((await stat(path)).size);
    expect(furthest(await decode(path), chord)).toBeLessThanOrEqual(error * 1.01);
    expect(await probeAudio(path, { signal })).toMatchObject({
      codec,
      sampleRate: 44_100,
      channels: 2,
      durationSeconds: 1.5,
    });
  });

  it.each([
    [{ format: 'mp3', kbps: 320 }, 'mp3', 44_100, 320],
    [{ format: 'opus', kbps: 96 }, 'opus', 48_000, 96],
  ] as [Encoding, string, number, number][])('writes %j', async (encoding, codec, sampleRate, kbps) => {
    const path = join(await tempDir(), 'stem');
    const bytes = await encode(path, encoding, chord);
    expect(bytes).toBe((await stat(path)).size);
    const info = await probeAudio(path, { signal });
    expect(info).toMatchObject({ codec, sampleRate, channels: 2 });
    expect(info.durationSeconds).toBeCloseTo(1.5, 1);
    expect((8 * bytes) / 1000 / 1.5 / kbps).toBeGreaterThan(0.5);
    expect((8 * bytes) / 1000 / 1.5 / kbps).toBeLessThan(1.6);
    const pcm = await decode(path);
    const power = (channel: number) =>
      pcm.subarray(20_000, 100_000).reduce((sum, sample, i) => sum + (i % 2 === channel ? sample ** 2 : 0), 0) / 40_000;
    expect(power(0)).toBeCloseTo(0.09, 2);
    expect(power(1)).toBeCloseTo(0.0225, 2);
  });

  it('clips what exceeds full scale, but in floats', async () => {
    const dir = await tempDir();
    const loud = Float32Array.of(1.5, -1.5, 1, -1, 0.5, Number.NaN);
    await encode(join(dir, 'a.wav'), { format: 'wav', sample: 's16' }, loud.subarray(0, 5), { channels: 1 });
    const top = 32_767 / 32_768;
    expect([...(await decode(join(dir, 'a.wav')))]).toEqual([top, -1, top, -1, 0.5]);
    await encode(join(dir, 'b.wav'), { format: 'wav', sample: 'f32' }, loud.subarray(0, 5), { channels: 1 });
    expect(await decode(join(dir, 'b.wav'))).toEqual(loud.subarray(0, 5));
  });

  it('has no file of the name before the end, and nothing at all without one', async () => {
    for (const encoding of [...lossless.map(([each]) => each), { format: 'mp3', kbps: 128 } as const]) {
      const dir = await tempDir();
      const path = join(dir, 'stem');
      {
        await using encoder = await openEncoder(path, { encoding, sampleRate: 44_100, channels: 2, signal });
        await encoder.write(chord);
        expect(await readdir(dir)).not.toContain('stem');
      }
      expect(await readdir(dir)).toEqual([]);
      expect(processesNaming(dir)).toEqual([]);
    }
  });

  it('stops when it is aborted and leaves nothing', async () => {
    for (const encoding of [
      { format: 'wav', sample: 's16' },
      { format: 'flac', sample: 's16' },
    ] as const) {
      const dir = await tempDir();
      const controller = new AbortController();
      const writing = async () => {
        const options = { encoding, sampleRate: 44_100, channels: 2, signal: controller.signal };
        await using encoder = await openEncoder(join(dir, 'stem'), options);
        await encoder.write(chord);
        controller.abort('gone');
        for (;;) await encoder.write(chord);
      };
      await expect(writing()).rejects.toBe('gone');
      expect(await readdir(dir)).toEqual([]);
      expect(processesNaming(dir)).toEqual([]);
      await expect(writing()).rejects.toBe('gone');
    }
  });

  it('waits for an encoder that is slower, and holds no more than one write', async () => {
    const slow = await fakeProgram(await tempDir(), 'sleep 0.4; exec cat >/dev/null');
    const options = {
      encoding: { format: 'mp3', kbps: 128 },
      sampleRate: 44_100,
      channels: 2,
      signal,
      ffmpegPath: slow,
    } as const;
    await using encoder = await openEncoder(join(await tempDir(), 'stem'), options);
    const begun = performance.now();
    await encoder.write(chord);
    expect(performance.now() - begun).toBeGreaterThan(200);
  });

  it.each([
    ['in the middle', 'head -c 100000 >/dev/null; echo "x: No space left on device" >&2; exit 1'],
    // ffmpeg 5 with the trailer as what does not fit.
    [
      'at the very end',
      'touch "$OUT"; cat >/dev/null; echo "Error writing trailer: No space left on device" >&2; exit 0',
    ],
  ])('says that the disk is full %s, and leaves nothing', async (_, body) => {
    const dir = await tempDir();
    const program = await fakeProgram(await tempDir(), `for OUT; do :; done; OUT="\${OUT#file:}"; ${body}`);
    const encoding = encode(join(dir, 'stem'), { format: 'flac', sample: 's16' }, chord, { ffmpegPath: program });
    expect(await refusal(encoding)).toMatchObject({ code: 'insufficient_storage', status: 507 });
    expect(await readdir(dir)).toEqual([]);
  });

  it('tells an encoder that fails or cannot start from a full disk', async () => {
    const dir = await tempDir();
    const fails = await fakeProgram(await tempDir(), 'exit 3');
    for (const ffmpegPath of [fails, '/nowhere/ffmpeg']) {
      const encoding = encode(join(dir, 'stem'), { format: 'opus', kbps: 96 }, chord, { ffmpegPath });
      expect(await refusal(encoding)).toMatchObject({ code: 'internal_error' });
    }
    expect(await readdir(dir)).toEqual([]);
  });

  it('replaces a file, and only when it is done', async () => {
    const path = join(await tempDir(), 'stem.wav');
    await writeFile(path, 'before');
    await using encoder = await openEncoder(path, {
      encoding: { format: 'wav', sample: 's16' },
      sampleRate: 8000,
      channels: 1,
      signal,
    });
    await encoder.write(new Float32Array(8000));
    expect(await readFile(path, 'utf8')).toBe('before');
    await encoder.finish();
    expect(await wavLength(path)).toBe(1);
  });

  it('writes a wav of an odd number of bytes that readers accept', async () => {
    const path = join(await tempDir(), 'odd.wav');
    const pcm = Float32Array.from(seededUniform('odd', 501));
    expect(await encode(path, { format: 'wav', sample: 's24' }, pcm, { channels: 1 })).toBe(80 + 1503 + 1);
    expect(furthest(await decode(path), pcm)).toBeLessThan(2 ** -23);
  });
});

describe('wavHeader', () => {
  const form = { sample: 's16', sampleRate: 44_100, channels: 2 } as const;

  it('is RIFF’s up to 4 GiB', () => {
    const header = Buffer.from(wavHeader(form, 2 ** 32 - 76));
    expect(header.toString('latin1', 0, 4)).toBe('RIFF');
    expect(header.readUInt32LE(4)).toBe(2 ** 32 - 4);
    expect(header.readUInt32LE(76)).toBe(2 ** 32 - 76);
  });

  it('is RF64’s beyond, which ffprobe reads: a sparse file of 27 hours', async () => {
    const path = join(await tempDir(), 'long.wav');
    const dataBytes = 27 * 3600 * 176_400;
    {
      await using file = await open(path, 'wx');
      await file.write(wavHeader(form, dataBytes));
      await file.truncate(80 + dataBytes);
    }
    expect(await probeAudio(path, { signal })).toMatchObject({ codec: 'pcm_s16le', durationSeconds: 27 * 3600 });
  });
});
