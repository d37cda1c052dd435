/** NumPy's `RandomState(seed).random_sample()`: MT19937 (Matsumoto and Nishimura 1998) with 53 bits a number. */

const LENGTH = 624;
const SHIFT = 397;

/** Uniform numbers in [0, 1), the same as NumPy's for the same seed (32 bits). */
export function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(LENGTH);
  state[0] = seed;
  for (let at = 1; at < LENGTH; at++) {
    const before = state[at - 1] as number;
    state[at] = Math.imul(1812433253, before ^ (before >>> 30)) + at;
  }
  let next = LENGTH;
  const word = () => {
    if (next === LENGTH) {
      regenerate(state);
      next = 0;
    }
    let value = state[next++] as number;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    return (value ^ (value >>> 18)) >>> 0;
  };
  return () => {
    const high = word() >>> 5;
    const low = word() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  };
}

function regenerate(state: Uint32Array): void {
  for (let at = 0; at < LENGTH; at++) {
    const upper = (state[at] as number) & 0x80000000;
    const value = upper | ((state[(at + 1) % LENGTH] as number) & 0x7fffffff);
    const odd = (value & 1) === 1 ? 0x9908b0df : 0;
    state[at] = (state[(at + SHIFT) % LENGTH] as number) ^ (value >>> 1) ^ odd;
  }
}
