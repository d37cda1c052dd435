/** Samples as the bytes of files: little-endian, as hosts are (x64, arm64). */

/** Integers of 16 or 24 bits, or 32-bit floats. */
export type SampleFormat = 's16' | 's24' | 'f32';

export const SAMPLE_BYTES: Record<SampleFormat, number> = { s16: 2, s24: 3, f32: 4 };

/**
 * Integers are rounded to a multiple of 1/2^15 or 1/2^23, halves upwards and without dither, and clipped: +1 becomes the
 * largest below it. Floats are the samples' own memory.
 */
export function pcmBytes(samples: Float32Array, format: SampleFormat): Uint8Array {
  if (format === 'f32') return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  const scale = format === 's16' ? 2 ** 15 : 2 ** 23;
  const integers = format === 's16' ? new Int16Array(samples.length) : new Int32Array(samples.length);
  for (let i = 0; i < samples.length; i += 1) {
    integers[i] = Math.max(-scale, Math.min(scale - 1, Math.round((samples[i] as number) * scale)));
  }
  const bytes = new Uint8Array(integers.buffer);
  return format === 's16' ? bytes : lowerThree(bytes);
}

/** Of four each. */
function lowerThree(bytes: Uint8Array): Uint8Array {
  const packed = new Uint8Array((bytes.length / 4) * 3);
  for (let from = 0, to = 0; from < bytes.length; from += 4, to += 3) {
    packed[to] = bytes[from] as number;
    packed[to + 1] = bytes[from + 1] as number;
    packed[to + 2] = bytes[from + 2] as number;
  }
  return packed;
}
