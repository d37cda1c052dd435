/**
 * Which token is drawn: that with the largest score / temperature + noise, the noise of each token standard Gumbel
 * (Gumbel, "Statistical Theory of Extreme Values", 1954; the "Gumbel-max trick"). The choice then hangs on the gap between two
 * tokens, as a greedy one does; in a running sum over the vocabulary every token's rounding could shift it, and a row
 * would be drawn another text for sharing its batch with others.
 */

/** Largest below 2²⁵: its residues' squares are exact in float64, and so are the floors of their quotients. */
export const PRIME = 33_554_393;
/** Keeps small ids from staying small. */
export const ID_OFFSET = 7919;
/** Of a draw in [0, 1], what float32 holds for sure. */
export const DRAW_STEPS = 2 ** 24;

/** `draw` uniform in [0, 1]; one for each choice, whatever the vocabulary. `loop-sampling.ts` computes the same. */
export function tokenNoise(draw: number): (token: number) => number {
  const key = 2 * Math.floor(Math.fround(draw) * DRAW_STEPS) + 1;
  return (token) => {
    const id = token + ID_OFFSET;
    const first = (key * id) % PRIME;
    const second = (first * first + key) % PRIME;
    const third = (second * second + id) % PRIME;
    return -Math.log(-Math.log((third + 0.5) / PRIME));
  };
}
