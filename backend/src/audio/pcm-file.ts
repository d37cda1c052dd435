/**
 * PCM that is read more than once: 16 kHz mono as little-endian 16-bit integers, no header, so that any sample can be
 * sought. 32 000 bytes a second, 115 MB an hour.
 */
import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { diskFull } from './disk-full.ts';
import { pcmBytes } from './pcm-bytes.ts';
import { SAMPLE_RATE } from './sample-rate.ts';

const BYTES_PER_SAMPLE = 2;
const FULL_SCALE = 32_768;
/** Samples per chunk read: 1 s. */
const CHUNK_SAMPLES = SAMPLE_RATE;

type Chunks = AsyncIterable<Float32Array> | Iterable<Float32Array>;

/**
 * Writes samples in [−1, 1] as they come, no faster than the disk takes them, and returns their number. Each is rounded
 * to a multiple of 1/32768, halves upwards and without dither (+1 becomes 32767/32768): what was decoded from 16 bits
 * comes back to the bit. The file gets its name when all of it is on the disk, so it is whole or not there; leaving
 * early, an abort or an error of `chunks` leaves nothing.
 *
 * @throws GatewayError `insufficient_storage` when the disk is full; whatever `chunks` throws.
 */
export async function writePcmFile(path: string, chunks: Chunks): Promise<number> {
  const temporary = `${path}.${randomUUID()}.partial`;
  let samples = 0;
  try {
    {
      await using file = await open(temporary, 'wx');
      for await (const chunk of chunks) {
        await file.appendFile(pcmBytes(chunk, 's16')).catch((error) => diskFull(error, 'the decoded audio'));
        samples += chunk.length;
      }
      await file.sync();
    }
    // The name itself may be lost in a power cut: then there is no file, and it is made again.
    await rename(temporary, path);
    return samples;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** In bytes. */
export interface FilePart {
  start: number;
  bytes: number;
}

/** A PCM file open for reading anywhere in it. */
export interface PcmFile extends AsyncDisposable {
  /** All there are. */
  readonly samples: number;
  /** [count] samples from the sample `from` on; what lies beyond the end is silence. */
  read(from: number, count: number): Promise<Float32Array<ArrayBuffer>>;
}

/** All of the file, or the part of another that holds such samples. @throws Error where it is none of PCM. */
export async function openPcmFile(path: string, part?: FilePart): Promise<PcmFile> {
  const file = await open(path, 'r');
  const { start, bytes } = part ?? { start: 0, bytes: (await file.stat()).size };
  const samples = bytes / BYTES_PER_SAMPLE;
  if (!Number.isInteger(samples)) {
    await file.close();
    throw new Error(`${path} is no PCM file: it has half a sample (${bytes} bytes)`);
  }
  return {
    samples,
    async read(from, count) {
      const values = new Int16Array(count);
      const bytes = new Uint8Array(values.buffer, 0, Math.max(0, Math.min(count, samples - from)) * BYTES_PER_SAMPLE);
      for (let filled = 0; filled < bytes.length; ) {
        const position = start + from * BYTES_PER_SAMPLE + filled;
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, position);
        if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`);
        filled += bytesRead;
      }
      return Float32Array.from(values, (value) => value / FULL_SCALE);
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/**
 * Chunks of 1 s (the last one shorter) from the sample `from` on, of all or of a part, as `openPcmFile`.
 * @throws RangeError where it has no such sample.
 */
export async function* readPcmFile(path: string, from = 0, part?: FilePart): AsyncGenerator<Float32Array, void, void> {
  await using file = await openPcmFile(path, part);
  const { samples } = file;
  if (!Number.isInteger(from) || from < 0 || from > samples) {
    throw new RangeError(`${path} has ${samples} samples, there is no sample ${from}`);
  }
  for (let at = from; at < samples; at += CHUNK_SAMPLES) yield file.read(at, Math.min(CHUNK_SAMPLES, samples - at));
}
