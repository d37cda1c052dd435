/** Word (or character) error rate: Levenshtein distance on tokens, over the tokens of the reference. */

export interface ErrorCounts {
  substitutions: number;
  insertions: number;
  deletions: number;
  /** Tokens of the reference. */
  reference: number;
}

/**
 * Counts of one cheapest alignment of `hypothesis` with `reference`. Among equally cheap ones a substitution is
 * preferred to a deletion, a deletion to an insertion. O(n·m) time, O(m) memory.
 */
export function countErrors(reference: readonly string[], hypothesis: readonly string[]): ErrorCounts {
  const width = hypothesis.length + 1;
  let above = newRow(width);
  let row = newRow(width);
  for (let j = 1; j < width; j += 1) above.insertions[j] = j;
  for (let i = 1; i <= reference.length; i += 1) {
    copyCell(above, 0, row, 0);
    bump(row.deletions, 0);
    for (let j = 1; j < width; j += 1) {
      const same = reference[i - 1] === hypothesis[j - 1];
      const diagonal = cost(above, j - 1) + (same ? 0 : 1);
      const down = cost(above, j) + 1;
      const right = cost(row, j - 1) + 1;
      if (diagonal <= down && diagonal <= right) {
        copyCell(above, j - 1, row, j);
        if (!same) bump(row.substitutions, j);
      } else if (down <= right) {
        copyCell(above, j, row, j);
        bump(row.deletions, j);
      } else {
        copyCell(row, j - 1, row, j);
        bump(row.insertions, j);
      }
    }
    [above, row] = [row, above];
  }
  const last = width - 1;
  return {
    substitutions: above.substitutions[last] ?? 0,
    insertions: above.insertions[last] ?? 0,
    deletions: above.deletions[last] ?? 0,
    reference: reference.length,
  };
}

/** Counts over all clips: long clips weigh more than short ones, as in the literature. */
export function addErrors(clips: readonly ErrorCounts[]): ErrorCounts {
  const total = { substitutions: 0, insertions: 0, deletions: 0, reference: 0 };
  for (const clip of clips) {
    total.substitutions += clip.substitutions;
    total.insertions += clip.insertions;
    total.deletions += clip.deletions;
    total.reference += clip.reference;
  }
  return total;
}

/** Errors per token of the reference; may exceed 1. Over an empty reference, the number of insertions. */
export function errorRate({ substitutions, insertions, deletions, reference }: ErrorCounts): number {
  return (substitutions + insertions + deletions) / Math.max(1, reference);
}

/** One row of the table: per cell, what the cheapest alignment up to it consists of. */
interface Row {
  substitutions: Uint32Array;
  insertions: Uint32Array;
  deletions: Uint32Array;
}

function newRow(width: number): Row {
  return {
    substitutions: new Uint32Array(width),
    insertions: new Uint32Array(width),
    deletions: new Uint32Array(width),
  };
}

function cost(row: Row, j: number): number {
  return (row.substitutions[j] ?? 0) + (row.insertions[j] ?? 0) + (row.deletions[j] ?? 0);
}

function bump(counts: Uint32Array, j: number): void {
  counts[j] = (counts[j] ?? 0) + 1;
}

function copyCell(from: Row, i: number, to: Row, j: number): void {
  to.substitutions[j] = from.substitutions[i] ?? 0;
  to.insertions[j] = from.insertions[i] ?? 0;
  to.deletions[j] = from.deletions[i] ?? 0;
}
