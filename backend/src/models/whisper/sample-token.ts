import { choiceNoise, GROUP } from './token-noise.ts';
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

/** As `token-noise.ts` says, in float32 where the graph is. */
function draw(scores: Float32Array, temperature: number, share: number): number {
  const noise = choiceNoise(share);
  const divisor = Math.fround(temperature);
  const top = largest(scores);
  if (top === Number.NEGATIVE_INFINITY) return 0;
  const groups = Math.ceil(scores.length / GROUP);
  const weights = Float64Array.from({ length: groups }, (_, group) => {
    let sum = 0;
    for (const score of scores.subarray(group * GROUP, (group + 1) * GROUP)) sum += Math.exp((score - top) / divisor);
    return Math.log(sum) + noise(group);
  });
  const first = largestAt(weights) * GROUP;
  const sums = Float64Array.from(
    scores.subarray(first, first + GROUP),
    (score, i) => score / divisor + noise(groups + first + i),
  );
  return first + largestAt(sums);
}

/** In float32, as in the graph. */
function largestAt(values: Float64Array): number {
  const rounded = Float32Array.from(values);
  return rounded.indexOf(largest(rounded));
}
