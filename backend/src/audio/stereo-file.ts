/**
 * Decoded music that is sought in: 44.1 kHz stereo as little-endian 32-bit floats, interleaved, no header. 353 kB a
 * second, 1.27 GB an hour: a track's statistics are needed before its first segment, and segments overlap and are shifted
 * against each other. Floats, because lossy files exceed full scale and 24-bit ones exceed 16.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { diskFull } from './disk-full.ts';
import { pcmBytes } from './pcm-bytes.ts';
import { STEREO_RATE } from './sample-rate.ts';

const BYTES_PER_FRAME = 8;

type Chunks<T> = AsyncIterable<T> | Iterable<T>;

/** One file: see `writeStereoFiles`. */
export function writeStereoFile(path: string, chunks: Chunks<Float32Array>): Promise<number> {
  return writeStereoFiles([path], eachAlone(chunks));
}

async function* eachAlone(chunks: Chunks<Float32Array>): AsyncGenerator<Float32Array[], void, void> {
  for await (const chunk of chunks) yield [chunk];
}

/**
 * Writes blocks, a chunk [n, 2] for each of `paths`, as they come, no faster than the disk takes them, and returns the
 * number of frames. The files get their names when all of them are on the disk; leaving early, an abort or an error of
 * `blocks` leaves nothing.
 *
 * @throws GatewayError `insufficient_storage` when the disk is full; whatever `blocks` throws.
 */
export async function writeStereoFiles(
  paths: readonly string[],
  blocks: Chunks<readonly Float32Array[]>,
): Promise<number> {
  const temporary = paths.map((path) => `${path}.${randomUUID()}.partial`);
  let bytes = 0;
  try {
    {
      await using opened = new AsyncDisposableStack();
      const files: FileHandle[] = [];
      for (const path of temporary) files.push(opened.use(await open(path, 'wx')));
      for await (const block of blocks) {
        const parts = block.map((chunk) => pcmBytes(chunk, 'f32'));
        for (const [index, file] of files.entries()) {
          const part = parts[index] ?? new Uint8Array();
          await file.appendFile(part).catch((error) => diskFull(error, 'the decoded audio'));
        }
        bytes += parts[0]?.length ?? 0;
      }
      for (const file of files) await file.sync();
    }
    // The names themselves may be lost in a power cut: then there is no file, and it is made again.
    for (const [index, path] of paths.entries()) await rename(temporary[index] ?? path, path);
    return bytes / BYTES_PER_FRAME;
  } finally {
    for (const path of temporary) await rm(path, { force: true });
  }
}

/** Stereo audio that can be read anywhere. */
export interface StereoSource {
  /** Samples of each channel. */
  readonly frames: number;
  /** [2, count], left before right, from frame `from` on, which may be negative; beyond both ends is silence. */
  read(from: number, count: number): Promise<Float32Array<ArrayBuffer>>;
}

export interface StereoFile extends StereoSource, AsyncDisposable {}

/** @throws Error where the file is no such audio. */
export async function openStereoFile(path: string): Promise<StereoFile> {
  const file = await open(path, 'r');
  const { size } = await file.stat();
  const frames = size / BYTES_PER_FRAME;
  if (!Number.isInteger(frames)) {
    await file.close();
    throw new Error(`${path} is no stereo file: it has part of a frame (${size} bytes)`);
  }
  return {
    frames,
    async read(from, count) {
      const first = Math.max(0, Math.min(frames, from));
      const interleaved = new Float32Array(2 * Math.max(0, Math.min(frames, from + count) - first));
      const bytes = new Uint8Array(interleaved.buffer);
      for (let filled = 0; filled < bytes.length; ) {
        const at = first * BYTES_PER_FRAME + filled;
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, at);
        if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`);
        filled += bytesRead;
      }
      const planar = new Float32Array(2 * count);
      for (let i = 0; i < interleaved.length; i += 2) {
        const at = first - from + i / 2;
        planar[at] = interleaved[i] as number;
        planar[count + at] = interleaved[i + 1] as number;
      }
      return planar;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

export interface TrackStatistics {
  /** Of the mean of both channels. */
  mean: number;
  /** Of the mean of both channels, over N − 1; 0 for a single frame. */
  std: number;
  /** The largest magnitude in either channel. */
  peak: number;
}

/** Reads the whole track once, a second at a time. */
export async function measureTrack(track: StereoSource, signal: AbortSignal): Promise<TrackStatistics> {
  let count = 0;
  let mean = 0;
  // Σ (x − mean)², joined from part to part (Chan, Golub & LeVeque 1979).
  let squares = 0;
  let peak = 0;
  for (let from = 0; from < track.frames; from += STEREO_RATE) {
    signal.throwIfAborted();
    const length = Math.min(STEREO_RATE, track.frames - from);
    const part = await track.read(from, length);
    let sum = 0;
    for (let i = 0; i < length; i += 1) {
      const [left, right] = [part[i] as number, part[length + i] as number];
      sum += (left + right) / 2;
      peak = Math.max(peak, Math.abs(left), Math.abs(right));
    }
    const partMean = sum / length;
    let partSquares = 0;
    for (let i = 0; i < length; i += 1) {
      partSquares += (((part[i] as number) + (part[length + i] as number)) / 2 - partMean) ** 2;
    }
    const total = count + length;
    squares += partSquares + ((partMean - mean) ** 2 * count * length) / total;
    mean += ((partMean - mean) * length) / total;
    count = total;
  }
  return { mean, std: count < 2 ? 0 : Math.sqrt(squares / (count - 1)), peak };
}
