/**
 * Which token is drawn: first a group of neighbours in the vocabulary, then one of its tokens, each time that with the largest
 * log-weight + noise, the noise of each standard Gumbel (Gumbel, "Statistical Theory of Extreme Values", 1954; the "Gumbel-max
 * trick"). A token's log-weight is its score / temperature, a group's the logarithm of the sum of its tokens' weights, so every
 * token comes as often as it should, and noise is made for a few hundred choices instead of fifty thousand. What is chosen hangs
 * on the gap between two of them, as with a greedy choice; in a running sum over the vocabulary every token's rounding could
 * shift it, and a row would be drawn another text for sharing its batch with others.
 */

/** Tokens of a group; the last may have fewer. */
export const GROUP = 256;

/** Largest below 2²⁵: its residues' squares are exact in float64, and so are the floors of their quotients. */
export const PRIME = 33_554_393;
/** Keeps small ids from staying small. */
export const ID_OFFSET = 7919;
/** Of a draw in [0, 1], what float32 holds for sure. */
export const DRAW_STEPS = 2 ** 24;

/**
 * Noise of what is numbered: the groups from 0 on, behind them the tokens. `draw` uniform in [0, 1], one for each token written.
 * `loop-sampling.ts` computes the same.
 */
export function choiceNoise(draw: number): (number: number) => number {
  const key = 2 * Math.floor(Math.fround(draw) * DRAW_STEPS) + 1;
  return (number) => {
    const id = number + ID_OFFSET;
    const first = (key * id) % PRIME;
    const second = (first * first + key) % PRIME;
    const third = (second * second + id) % PRIME;
    return -Math.log(-Math.log((third + 0.5) / PRIME));
  };
}
