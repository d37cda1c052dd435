/** cpWER: word errors with each speaker's words concatenated, under the fairest naming of the speakers. */
import { assign } from './assignment.ts';
import { addErrors, countErrors, type ErrorCounts } from './wer.ts';

export interface SpeakerErrors extends ErrorCounts {
  /** Pairs of a reference speaker and the one it was matched with; undefined where one side has nobody left. */
  pairs: { reference: string | undefined; hypothesis: string | undefined }[];
}

/**
 * Concatenated minimum-permutation errors (Watanabe et al. 2020, CHiME-6), as meeteval's `cpwer`: speakers are matched one
 * to one so that the errors are fewest. All words of a speaker without a counterpart are deletions or insertions.
 * Matches every reference speaker with every found one: O(R·H·n·m) time for R and H speakers of n and m words.
 * @param reference speaker → tokens in the order of time; likewise `hypothesis`.
 */
export function countSpeakerErrors(
  reference: ReadonlyMap<string, readonly string[]>,
  hypothesis: ReadonlyMap<string, readonly string[]>,
): SpeakerErrors {
  const expected = [...reference];
  const found = [...hypothesis];
  // Square, so that leaving a speaker without a counterpart has its cost too.
  const size = Math.max(expected.length, found.length);
  const cells = Array.from({ length: size * size }, (_, i) =>
    countErrors(expected[Math.floor(i / size)]?.[1] ?? [], found[i % size]?.[1] ?? []),
  );
  const costs = Float64Array.from(
    cells,
    ({ substitutions, insertions, deletions }) => substitutions + insertions + deletions,
  );
  const matched = [...assign(costs, size, size).entries()];
  return {
    ...addErrors(matched.flatMap(([row, column]) => cells[row * size + column] ?? [])),
    pairs: matched.map(([row, column]) => ({ reference: expected[row]?.[0], hypothesis: found[column]?.[0] })),
  };
}
