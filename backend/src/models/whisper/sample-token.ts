import { largest, logSumExp } from './token-rules.ts';

/**
 * The likeliest token, or at a temperature above 0 one drawn by `random` (uniform in [0, 1)), and the natural logarithm
 * of its probability at temperature 1. `scores` [vocab] are logits after the rules, −∞ what is forbidden.
 */
export function chooseToken(
  scores: Float32Array,
  temperature: number,
  random: () => number,
): { token: number; logprob: number } {
  const top = largest(scores);
  const token = temperature > 0 ? draw(scores, top, temperature, random()) : scores.indexOf(top);
  return { token, logprob: (scores[token] ?? Number.NEGATIVE_INFINITY) - logSumExp(scores) };
}

/** The first token at which the probabilities' running sum exceeds `share` of the whole. */
function draw(scores: Float32Array, top: number, temperature: number, share: number): number {
  const powers = Float64Array.from(scores, (score) => Math.exp((score - top) / temperature));
  const limit = share * powers.reduce((sum, power) => sum + power, 0);
  let sum = 0;
  const drawn = powers.findIndex((power) => {
    sum += power;
    return sum > limit;
  });
  return drawn === -1 ? scores.indexOf(top) : drawn;
}
