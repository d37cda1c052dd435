import { copyFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DecodeOptions } from '../../backend/src/audio/decode.ts';
import { decodeStereo } from '../../backend/src/audio/decode-stereo.ts';
import { tempDir } from '../support/temp-dir.ts';
import { fakeProgram, ffmpeg, processesNaming, refusal, roomy, sine } from './media.ts';

async function decodeAll(path: string, options: Partial<DecodeOptions> = {}): Promise<Float32Array[]> {
  const chunks: Float32Array[] = [];
  for await (const chunk of decodeStereo(path, roomy(options))) chunks.push(chunk);
  return chunks;
}

const joined = (chunks: readonly Float32Array[]) => Float32Array.from(chunks.flatMap((chunk) => [...chunk]));

/** A file whose channels are these formulas of `t`. */
async function formulas(name: string, channels: string[], rate: number, ...codec: string[]): Promise<string> {
  const path = join(await tempDir(), name);
  const source = `aevalsrc=${channels.join('|')}:s=${rate}:d=2.5`;
  await ffmpeg('-f', 'lavfi', '-i', source, ...codec, path);
  return path;
}

const float = ['-c:a', 'pcm_f32le'];

describe('decodeStereo', () => {
  it('gives both channels of a stereo file as they are, in chunks of 1 s', async () => {
    const path = await formulas('stereo.wav', ['0.5*sin(1000*t)', '0.25*cos(300*t)'], 44_100, ...float);
    const chunks = await decodeAll(path);
    expect(chunks.map((chunk) => chunk.length)).toEqual([88_200, 88_200, 44_100]);
    const pcm = joined(chunks);
    for (const at of [0, 1, 44_099, 44_100, 110_249]) {
      expect(pcm[2 * at]).toBeCloseTo(0.5 * Math.sin((1000 * at) / 44_100), 6);
      expect(pcm[2 * at + 1]).toBeCloseTo(0.25 * Math.cos((300 * at) / 44_100), 6);
    }
  });

  it('puts a mono file on both sides at its own level', async () => {
    const pcm = joined(await decodeAll(await formulas('mono.wav', ['0.5*sin(1000*t)'], 44_100, ...float)));
    expect(pcm).toHaveLength(2 * 110_250);
    for (const at of [7, 50_000, 110_249]) {
      expect(pcm[2 * at]).toBeCloseTo(0.5 * Math.sin((1000 * at) / 44_100), 6);
      expect(pcm[2 * at + 1]).toBe(pcm[2 * at]);
    }
  });

  it('brings other rates to 44.1 kHz', async () => {
    for (const rate of [8000, 48_000, 96_000]) {
      const path = await formulas(`${rate}.wav`, ['0.5*sin(1000*t)', '0.25*cos(300*t)'], rate, ...float);
      const pcm = joined(await decodeAll(path));
      expect(pcm.length / 2).toBe(110_250);
      for (const at of [1000, 55_555, 100_000]) {
        expect(pcm[2 * at]).toBeCloseTo(0.5 * Math.sin((1000 * at) / 44_100), 2);
        expect(pcm[2 * at + 1]).toBeCloseTo(0.25 * Math.cos((300 * at) / 44_100), 2);
      }
    }
  });

  it('mixes more channels down to two: what is on the left stays there', async () => {
    // 5.1: left, right, centre, low, left back, right back.
    const path = await formulas('surround.wav', ['0.2', '0', '0', '0', '0.2', '0'], 44_100, ...float);
    const pcm = joined(await decodeAll(path));
    expect(pcm).toHaveLength(2 * 110_250);
    expect(pcm[20_000]).toBeGreaterThan(0.19);
    expect(pcm[20_001]).toBeCloseTo(0, 6);
  });

  it('keeps what exceeds full scale, within reason, and drops NaN', async () => {
    const path = await formulas('loud.wav', ['1.5', 'if(lt(t\\,1)\\,1e30\\,0/0)'], 44_100, ...float);
    const pcm = joined(await decodeAll(path));
    expect([pcm[0], pcm[1], pcm.at(-2), pcm.at(-1)]).toEqual([1.5, 16, 1.5, 0]);
  });

  it('decodes what lossy formats hold', async () => {
    for (const [name, codec] of Object.entries({
      'a.mp3': 'libmp3lame',
      'a.m4a': 'aac',
      'a.ogg': 'libopus',
      'a.flac': 'flac',
    })) {
      const path = join(await tempDir(), name);
      await ffmpeg(...sine(1.5), '-ac', '2', '-c:a', codec, path);
      const pcm = joined(await decodeAll(path));
      expect(pcm.length / 2 / 44_100, name).toBeCloseTo(1.5, 0);
      expect(Math.max(...pcm.subarray(44_100, 88_200)), name).toBeGreaterThan(0.08);
    }
  });

  it('has the limits and the errors of every decode', async () => {
    const dir = await tempDir();
    const path = join(dir, 'two.wav');
    await ffmpeg(...sine(2), '-ac', '2', path);
    expect(joined(await decodeAll(path, { maxSeconds: 2 }))).toHaveLength(176_400);
    expect(await refusal(decodeAll(path, { maxSeconds: 1.9 }))).toMatchObject({
      code: 'audio_too_long',
      param: 'file',
    });
    // Seconds, in bytes of 16 kHz mono: the same file is accepted by every task.
    expect(joined(await decodeAll(path, { maxDecodedBytes: 128_000 }))).toHaveLength(176_400);
    expect(await refusal(decodeAll(path, { maxDecodedBytes: 127_000 }))).toMatchObject({ code: 'audio_too_long' });
    await copyFile(path, join(dir, 'short.wav'));
    await truncate(join(dir, 'short.wav'), 44 + 34 + 0.05 * 176_400);
    expect(await refusal(decodeAll(join(dir, 'short.wav')))).toMatchObject({ code: 'audio_too_short' });
    await writeFile(join(dir, 'text.mp3'), 'a letter '.repeat(300));
    expect(await refusal(decodeAll(join(dir, 'text.mp3')))).toMatchObject({ code: 'unsupported_audio', param: 'file' });
    const hangs = await fakeProgram(dir, 'exec sleep 30');
    const stalled = decodeAll(path, { ffmpegPath: hangs, ffprobePath: 'ffprobe', idleTimeoutSeconds: 0.2 });
    expect(await refusal(stalled)).toMatchObject({ code: 'request_timeout' });
  });

  it('ends with its reader, and with the signal', async () => {
    const path = join(await tempDir(), 'long.wav');
    await ffmpeg(...sine(300), '-ac', '2', path);
    for await (const _ of decodeStereo(path, roomy())) break;
    expect(processesNaming(path)).toEqual([]);
    const controller = new AbortController();
    const decoding = async () => {
      for await (const _ of decodeStereo(path, roomy({ signal: controller.signal }))) controller.abort('gone');
    };
    await expect(decoding()).rejects.toBe('gone');
    expect(processesNaming(path)).toEqual([]);
  });
});
