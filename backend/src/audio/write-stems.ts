/** Stems as they are finished → a file each, all of them or none. */
import { rm } from 'node:fs/promises';
import { type EncoderOptions, openEncoder } from './encode.ts';
import { STEREO_RATE } from './sample-rate.ts';

export type StemFileOptions = Pick<EncoderOptions, 'encoding' | 'signal' | 'ffmpegPath'>;

/**
 * @param blocks one [n, 2] for each of `paths`, at 44.1 kHz, as a separation yields them; ended early when a file fails.
 * @returns each file's bytes.
 * @throws as the encoders, and whatever `blocks` throws; then none of the files is there.
 */
export async function writeStems(
  blocks: AsyncIterable<readonly Float32Array[]>,
  paths: readonly string[],
  options: StemFileOptions,
): Promise<number[]> {
  await using opened = new AsyncDisposableStack();
  const encoders = [];
  for (const path of paths) {
    const encoder = await openEncoder(path, { ...options, sampleRate: STEREO_RATE, channels: 2 });
    encoders.push(opened.use(encoder));
  }
  for await (const block of blocks) {
    if (block.length !== paths.length) throw new Error(`${block.length} stems came for ${paths.length} files`);
    await Promise.all(encoders.map((encoder, i) => encoder.write(block[i] as Float32Array)));
  }
  const sizes: number[] = [];
  try {
    for (const encoder of encoders) sizes.push(await encoder.finish());
  } catch (error) {
    await Promise.all(paths.slice(0, sizes.length).map((path) => rm(path, { force: true })));
    throw error;
  }
  return sizes;
}
