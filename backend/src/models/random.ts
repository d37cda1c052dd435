/** Random numbers that follow from seeds. */

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
