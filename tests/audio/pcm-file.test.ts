import { readdirSync, statSync } from 'node:fs';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openPcmFile, readPcmFile, writePcmFile } from '../../backend/src/audio/pcm-file.ts';
import { tempDir } from '../support/temp-dir.ts';

async function collect(chunks: AsyncIterable<Float32Array>): Promise<number[]> {
  const all: number[] = [];
  for await (const chunk of chunks) all.push(...chunk);
  return all;
}

const ramp = (length: number, first = 0): Float32Array =>
  Float32Array.from({ length }, (_, i) => (((first + i) * 7) % 65_536) / 32_768 - 1);

async function written(...chunks: Float32Array[]): Promise<string> {
  const path = join(await tempDir(), 'audio.s16');
  await writePcmFile(path, chunks);
  return path;
}

describe('a PCM file', () => {
  it('gives back, from any sample on, what was decoded from 16 bits', async () => {
    const pcm = ramp(40_001);
    const path = join(await tempDir(), 'audio.s16');
    const chunks = [pcm.subarray(0, 3), pcm.subarray(3, 3), pcm.subarray(3, 30_000), pcm.subarray(30_000)];
    expect(await writePcmFile(path, chunks)).toBe(40_001);
    for (const from of [0, 1, 15_999, 16_000, 39_999, 40_000, 40_001]) {
      expect(await collect(readPcmFile(path, from)), `${from}`).toEqual([...pcm.subarray(from)]);
    }
    const lengths: number[] = [];
    for await (const chunk of readPcmFile(path, 5)) lengths.push(chunk.length);
    expect(lengths).toEqual([16_000, 16_000, 7_996]);
  });

  it('can be read anywhere, and is silent beyond its end', async () => {
    const pcm = ramp(20_000);
    await using file = await openPcmFile(await written(pcm));
    expect(file.samples).toBe(20_000);
    expect(await file.read(123, 17_000)).toEqual(pcm.subarray(123, 17_123));
    expect([...(await file.read(19_998, 4))]).toEqual([...pcm.subarray(19_998), 0, 0]);
    expect([...(await file.read(20_001, 2))]).toEqual([0, 0]);
  });

  it('holds little-endian integers and nothing else, each the nearest one', async () => {
    const step = 1 / 32_768;
    const path = await written(
      Float32Array.of(0, 1, -1, 2, -2, step, 1.4 * step, 1.5 * step, -1.5 * step, -1.6 * step),
    );
    const bytes = await readFile(path);
    const integers = Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i));
    expect(integers).toEqual([0, 32_767, -32_768, 32_767, -32_768, 1, 1, 2, -1, -2]);
  });

  it('is whole or not there: until its end it has another name, and one that breaks off leaves nothing', async () => {
    const dir = await tempDir();
    const path = join(dir, 'audio.s16');
    const seen: string[][] = [];
    async function* breaking(): AsyncGenerator<Float32Array> {
      yield ramp(16_000);
      seen.push(await readdir(dir));
      throw new Error('broken off');
    }
    await expect(writePcmFile(path, breaking())).rejects.toThrow('broken off');
    expect(seen).toEqual([[expect.stringMatching(/^audio\.s16\..+\.partial$/)]]);
    expect(await readdir(dir)).toEqual([]);
    await writePcmFile(path, [ramp(10)]);
    await writePcmFile(path, [ramp(5)]);
    expect(await readdir(dir)).toEqual(['audio.s16']);
    expect(await collect(readPcmFile(path))).toHaveLength(5);
  });

  it('is written at the pace of the disk and read at that of the reader', async () => {
    const dir = await tempDir();
    const path = join(dir, 'audio.s16');
    const chunk = new Float32Array(16_000);
    const lead: number[] = [];
    function* hour(): Generator<Float32Array> {
      for (let made = 0; made < 3600; made += 1) {
        const [partial = ''] = readdirSync(dir);
        lead.push(made * 32_000 - statSync(join(dir, partial)).size);
        yield chunk;
      }
    }
    expect(await writePcmFile(path, hour())).toBe(57_600_000);
    // Whoever asks for a chunk has put the ones before it into the file.
    expect(lead).toHaveLength(3600);
    expect(Math.max(...lead)).toBe(0);
    for await (const chunk of readPcmFile(path, 100)) {
      expect(chunk).toHaveLength(16_000);
      break;
    }
  });

  it('says what is wrong with a position or a file', async () => {
    const path = await written(ramp(100));
    const read = (from: number) => collect(readPcmFile(path, from));
    for (const from of [101, -1, 1.5])
      await expect(read(from)).rejects.toThrow(`100 samples, there is no sample ${from}`);
    await truncate(path, 199);
    await expect(read(0)).rejects.toThrow('half a sample');
    await writeFile(path, '');
    expect(await read(0)).toEqual([]);
    await expect(collect(readPcmFile(`${path}.not`))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
