/** What a plain WAV file says of itself: a ten-thousandth of the processor time that ffprobe takes. */
import { open } from 'node:fs/promises';
import type { FilePart } from './pcm-file.ts';

const HEADER_BYTES = 4096;
const PCM = 1;
/** PCM, IEEE float, A-law, µ-law: bytes that stand for samples one to one. */
const PLAIN_FORMATS = [PCM, 3, 6, 7];
const EXTENSIBLE = 0xfffe;

export interface WavHeader {
  /** The first word of the format: `EXTENSIBLE` where another says which. */
  tag: number;
  channels: number;
  /** Hz. */
  sampleRate: number;
  /** Of one sample. */
  bits: number;
  bytesPerSecond: number;
  /** The samples, as far as the file holds them. */
  data: FilePart;
  /** The header's length of them is known, and so much is there. */
  isWhole: boolean;
}

/** undefined for everything that is not such a file beyond doubt. @throws where there is no file to read. */
export async function readWavHeader(path: string): Promise<WavHeader | undefined> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
  const head = buffer.subarray(0, bytesRead);
  if (head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WAVE') return undefined;
  let format: Omit<WavHeader, 'data' | 'isWhole'> | undefined;
  for (let at = 12; at + 8 <= head.length; ) {
    const name = head.toString('latin1', at, at + 4);
    const length = head.readUInt32LE(at + 4);
    const content = at + 8;
    if (name === 'fmt ' && length >= 16 && content + 26 <= head.length) {
      format = readFormat(head.subarray(content), length);
      if (format === undefined) return undefined;
    }
    if (name === 'data') {
      if (format === undefined) return undefined;
      // A length that was not known, or is more than there is, means the rest of the file.
      const data = { start: content, bytes: Math.min(length || size, size - content) };
      return { ...format, data, isWhole: length === data.bytes };
    }
    at = content + length + (length % 2);
  }
  return undefined;
}

function readFormat(content: Buffer, length: number): Omit<WavHeader, 'data' | 'isWhole'> | undefined {
  const tag = content.readUInt16LE(0);
  const channels = content.readUInt16LE(2);
  const sampleRate = content.readUInt32LE(4);
  const bytesPerSecond = content.readUInt32LE(8);
  const align = content.readUInt16LE(12);
  const bits = content.readUInt16LE(14);
  const format = tag === EXTENSIBLE && length >= 40 ? content.readUInt16LE(24) : tag;
  const isPlain = align === (channels * bits) / 8 && bytesPerSecond === align * sampleRate && bytesPerSecond > 0;
  if (!PLAIN_FORMATS.includes(format) || !isPlain) return undefined;
  return { tag, channels, sampleRate, bits, bytesPerSecond };
}

/** Seconds; undefined as `readWavHeader`. */
export async function wavLength(path: string): Promise<number | undefined> {
  const header = await readWavHeader(path);
  return header && header.data.bytes / header.bytesPerSecond;
}

/** Its samples are integers of 16 bits in one channel of that rate, and there to the last. */
export function isPlainMono({ tag, channels, sampleRate, bits, data, isWhole }: WavHeader, rate: number): boolean {
  return tag === PCM && channels === 1 && sampleRate === rate && bits === 16 && isWhole && data.bytes % 2 === 0;
}
