import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { wavLength } from '../../backend/src/audio/wav-header.ts';
import { tempDir } from '../support/temp-dir.ts';
import { wav } from '../support/wav.ts';
import { decodeAll, ffmpeg, sine } from './media.ts';

describe('wavLength', () => {
  it.each([
    ['pcm_s16le', ['-ac', '2']],
    ['pcm_f32le', ['-ar', '48000']],
    ['pcm_mulaw', ['-ar', '8000']],
    ['pcm_s24le', ['-ac', '6']],
    ['pcm_u8', []],
  ])('is that of the decoded audio: %s', async (codec, more) => {
    const path = join(await tempDir(), 'a.wav');
    await ffmpeg(...sine(2.5), ...more, '-c:a', codec, path);
    const samples = (await decodeAll(path)).reduce((sum, chunk) => sum + chunk.length, 0);
    expect(await wavLength(path)).toBeCloseTo(samples / 16_000, 2);
  });

  it('takes no more from a header than the file holds, and from one without a length all of it', async () => {
    const dir = await tempDir();
    const path = join(dir, 'cut.wav');
    await writeFile(path, wav(4));
    await truncate(path, 44 + 32_000);
    expect(await wavLength(path)).toBe(1);
    const streamed = wav(3);
    streamed.writeUInt32LE(0, 40);
    await writeFile(path, streamed);
    expect(await wavLength(path)).toBe(3);
    await appendFile(path, 'trailer');
    streamed.writeUInt32LE(0xffffffff, 40);
    await writeFile(path, streamed);
    expect(await wavLength(path)).toBe(3);
  });

  it('says nothing of what is not plain', async () => {
    const dir = await tempDir();
    const adpcm = join(dir, 'adpcm.wav');
    await ffmpeg(...sine(1), '-c:a', 'adpcm_ms', adpcm);
    const mp3 = join(dir, 'a.mp3');
    await ffmpeg(...sine(1), mp3);
    const cut = join(dir, 'cut.wav');
    await writeFile(cut, wav(1).subarray(0, 30));
    const lie = join(dir, 'lie.wav');
    const header = wav(1);
    header.writeUInt32LE(5, 28);
    await writeFile(lie, header);
    const empty = join(dir, 'empty.wav');
    await writeFile(empty, '');
    for (const path of [adpcm, mp3, cut, lie, empty]) expect(await wavLength(path), path).toBeUndefined();
    expect((await readFile(adpcm)).toString('latin1', 0, 4)).toBe('RIFF');
  });
});
