/** A speech detector's state at some point of its stream, as JSON holds it to the last bit. */
import { z } from 'zod';

const seconds = z.number();
/** Little-endian float32 in base64. */
const floats = z.base64();

export const detectorState = z.object({
  /** VAD windows heard. */
  windows: z.int().nonnegative(),
  /** The graph's memory [2, 1, 128]. */
  memory: floats,
  /** Of the last windows. */
  probabilities: floats,
  segments: z.array(z.object({ start: seconds, end: seconds })),
  /** Start of speech that has not ended, and where it fell silent, not yet for long enough. */
  speechSince: seconds.optional(),
  silentSince: seconds.optional(),
});
export type DetectorState = z.infer<typeof detectorState>;

/** Hosts are little-endian (x64, arm64). */
export function packFloats(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

export function unpackFloats(text: string): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
}
