/** Random numbers that follow from seeds, and seeds that follow from what is decoded. */

/** Uniform numbers in [0, 1) from a seed (32 bits): lowbias32 of a Weyl sequence (Wellons, "Prospecting for Hash Functions"). */
export function createRandom(seed: number): () => number {
  let weyl = seed | 0;
  return () => {
    weyl = (weyl + 0x9e3779b9) | 0;
    let state = Math.imul(weyl ^ (weyl >>> 16), 0x7feb352d);
    state = Math.imul(state ^ (state >>> 15), 0x846ca68b);
    return ((state ^ (state >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** 32 bits from a window's samples and the temperature: the same audio is drawn the same text, whoever else is served. */
export function seedOf(pcm: Float32Array, temperature: number): number {
  const words = new Int32Array(pcm.buffer, pcm.byteOffset, pcm.length);
  let hash = Math.round(temperature * 1000) | 0;
  // FNV-1a over words, its upper bits brought back down.
  for (const word of words) hash = Math.imul(hash ^ word ^ (hash >>> 15), 0x01000193);
  return hash >>> 0;
}
