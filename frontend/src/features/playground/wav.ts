/** WAV files in windows: where their samples are, which bytes a window is, and bytes → samples. */

export interface WavFormat {
  sampleRate: number;
  channels: number;
  bitsPerSample: 16 | 24 | 32;
  isFloat: boolean;
  /** Of one sample of all channels. */
  bytesPerFrame: number;
  /** First byte of the samples. */
  dataStart: number;
  frames: number;
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/**
 * @param head the first bytes, 44 or (with other chunks before the samples) more
 * @param totalBytes of the whole file: the header of one that was written as a stream does not know
 * @returns undefined for what is no WAV file of 16, 24 or 32 bits, or where the head is too short.
 */
export function parseWav(head: ArrayBuffer, totalBytes: number): WavFormat | undefined {
  const view = new DataView(head);
  if (view.byteLength < 12 || textAt(view, 0) !== 'RIFF' || textAt(view, 8) !== 'WAVE') return undefined;
  let format: Omit<WavFormat, 'dataStart' | 'frames'> | undefined;
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const name = textAt(view, at);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (name === 'fmt ' && start + 16 <= view.byteLength) format = formatAt(view, start, size);
    if (name === 'data') {
      if (format === undefined) return undefined;
      const bytes = Math.min(size, Math.max(0, totalBytes - start));
      return { ...format, dataStart: start, frames: Math.floor(bytes / format.bytesPerFrame) };
    }
    // Chunks begin at even places.
    at = start + size + (size % 2);
  }
  return undefined;
}

function formatAt(view: DataView, start: number, size: number): Omit<WavFormat, 'dataStart' | 'frames'> | undefined {
  const tag = view.getUint16(start, true);
  const code = tag === EXTENSIBLE && size >= 26 ? view.getUint16(start + 24, true) : tag;
  const channels = view.getUint16(start + 2, true);
  const sampleRate = view.getUint32(start + 4, true);
  const bits = view.getUint16(start + 14, true);
  const isKnown = code === FLOAT ? bits === 32 : code === PCM && (bits === 16 || bits === 24 || bits === 32);
  if (!isKnown || channels === 0 || sampleRate === 0) return undefined;
  const bitsPerSample = bits as 16 | 24 | 32;
  return { sampleRate, channels, bitsPerSample, isFloat: code === FLOAT, bytesPerFrame: (channels * bits) / 8 };
}

export interface WindowBytes {
  start: number;
  /** Left out. */
  end: number;
  frames: number;
}

/** Bytes of the `index`th window of so many seconds; undefined behind the end. Windows meet without gap or overlap. */
export function windowBytes(wav: WavFormat, index: number, seconds: number): WindowBytes | undefined {
  const first = Math.round(index * seconds * wav.sampleRate);
  const next = Math.min(wav.frames, Math.round((index + 1) * seconds * wav.sampleRate));
  if (index < 0 || first >= next) return undefined;
  const byteOf = (frame: number) => wav.dataStart + frame * wav.bytesPerFrame;
  return { start: byteOf(first), end: byteOf(next), frames: next - first };
}

/** Samples per channel, from −1 to 1; as the browser's own decoder has them. */
export function decodeFrames(bytes: ArrayBuffer, wav: WavFormat): Float32Array<ArrayBuffer>[] {
  const view = new DataView(bytes);
  const { channels, bytesPerFrame } = wav;
  const frames = Math.floor(bytes.byteLength / bytesPerFrame);
  const read = readerOf(view, wav);
  const bytesPerSample = bytesPerFrame / channels;
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    for (let frame = 0; frame < frames; frame += 1) {
      samples[frame] = read(frame * bytesPerFrame + channel * bytesPerSample);
    }
    return samples;
  });
}

function readerOf(view: DataView, { bitsPerSample, isFloat }: WavFormat): (at: number) => number {
  if (isFloat) return (at) => view.getFloat32(at, true);
  if (bitsPerSample === 16) return (at) => view.getInt16(at, true) / 32_768;
  if (bitsPerSample === 32) return (at) => view.getInt32(at, true) / 2_147_483_648;
  return (at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8_388_608;
}

function textAt(view: DataView, at: number): string {
  return String.fromCharCode(...Array.from({ length: 4 }, (_, index) => view.getUint8(at + index)));
}
