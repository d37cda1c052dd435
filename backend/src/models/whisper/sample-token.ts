import { tokenNoise } from './token-noise.ts';
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
  const token = temperature > 0 ? draw(scores, temperature, random()) : scores.indexOf(largest(scores));
  return { token, logprob: (scores[token] ?? Number.NEGATIVE_INFINITY) - logSumExp(scores) };
}

/** The token with the largest sum of tempered score and noise. */
function draw(scores: Float32Array, temperature: number, share: number): number {
  const noise = tokenNoise(share);
  const divisor = Math.fround(temperature);
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < scores.length; token += 1) {
    const score = scores[token] ?? Number.NEGATIVE_INFINITY;
    if (score === Number.NEGATIVE_INFINITY) continue;
    // In float32, as in the graph.
    const sum = Math.fround(score / divisor + noise(token));
    if (sum > most) [best, most] = [token, sum];
  }
  return best;
}
