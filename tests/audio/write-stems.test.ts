import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { wavLength } from '../../backend/src/audio/wav-header.ts';
import { writeStems } from '../../backend/src/audio/write-stems.ts';
import { tempDir } from '../support/temp-dir.ts';
import { fakeProgram, refusal } from './media.ts';

const signal = new AbortController().signal;
const wav = { encoding: { format: 'wav', sample: 's16' }, signal } as const;

async function* blocks(count: number, failure?: Error): AsyncGenerator<Float32Array[]> {
  for (let i = 0; i < count; i += 1) yield [new Float32Array(2 * 4410), new Float32Array(2 * 4410)];
  if (failure !== undefined) throw failure;
}

it('writes each stem to its file', async () => {
  const dir = await tempDir();
  const paths = ['vocals.wav', 'bass.wav'].map((name) => join(dir, name));
  const sizes = await writeStems(blocks(10), paths, wav);
  expect(sizes).toEqual([80 + 176_400, 80 + 176_400]);
  for (const [i, path] of paths.entries()) {
    expect((await stat(path)).size).toBe(sizes[i]);
    expect(await wavLength(path)).toBe(1);
  }
});

it('leaves no file when the separation fails', async () => {
  const dir = await tempDir();
  const paths = ['vocals.wav', 'bass.wav'].map((name) => join(dir, name));
  await expect(writeStems(blocks(2, new Error('out of memory')), paths, wav)).rejects.toThrow('out of memory');
  await expect(writeStems(blocks(2), paths.slice(1), wav)).rejects.toThrow('2 stems came for 1 files');
  expect(await readdir(dir)).toEqual([]);
});

it('leaves no file when one of them fails, even the last at its very end', async () => {
  const dir = await tempDir();
  // Not a name that a file can take: a folder that is not empty.
  await mkdir(join(dir, 'taken.wav', 'inside'), { recursive: true });
  await expect(writeStems(blocks(2), [join(dir, 'vocals.wav'), join(dir, 'taken.wav')], wav)).rejects.toThrow();
  expect(await readdir(dir)).toEqual(['taken.wav']);
  const full = await fakeProgram(await tempDir(), 'echo "No space left on device" >&2; exit 1');
  const flac = { encoding: { format: 'flac', sample: 's16' }, signal, ffmpegPath: full } as const;
  const failed = refusal(writeStems(blocks(50), [join(dir, 'vocals.flac'), join(dir, 'bass.flac')], flac));
  expect(await failed).toMatchObject({ code: 'insufficient_storage' });
  expect(await readdir(dir)).toEqual(['taken.wav']);
});
