/** Seeds that follow from what is decoded. */

/** 32 bits from a window's samples and the temperature: the same audio is drawn the same text, whoever else is served. */
export function seedOf(pcm: Float32Array, temperature: number): number {
  const words = new Int32Array(pcm.buffer, pcm.byteOffset, pcm.length);
  let hash = Math.round(temperature * 1000) | 0;
  // FNV-1a over words, its upper bits brought back down.
  for (const word of words) hash = Math.imul(hash ^ word ^ (hash >>> 15), 0x01000193);
  return hash >>> 0;
}
