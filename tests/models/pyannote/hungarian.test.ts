/** The assignment problem against all permutations. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assignMaximum } from '../../../backend/src/models/pyannote/clustering/hungarian.ts';

/** The greatest sum over all ways to give rows columns of their own. */
function bestSum(scores: readonly number[][], taken: readonly number[] = []): number {
  const [row, ...rest] = scores;
  if (row === undefined) return 0;
  const columns = row.map((_, column) => column).filter((column) => !taken.includes(column));
  const sums = columns.map((column) => (row[column] ?? 0) + bestSum(rest, [...taken, column]));
  // More rows than columns: some row goes without.
  const free = row.length - taken.length;
  if (free < scores.length) sums.push(bestSum(rest, taken));
  return Math.max(...sums);
}

it('finds the greatest sum, rows and columns once each', () => {
  const matrix = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })).chain(([rows, columns]) =>
    fc.array(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: columns, maxLength: columns }), {
      minLength: rows,
      maxLength: rows,
    }),
  );
  fc.assert(
    fc.property(matrix, (scores) => {
      const columns = scores[0]?.length ?? 0;
      const assigned = [...assignMaximum(Float64Array.from(scores.flat()), scores.length, columns)];
      const used = assigned.filter((column) => column >= 0);
      expect(used).toHaveLength(Math.min(scores.length, columns));
      expect(new Set(used).size).toBe(used.length);
      const sum = assigned.reduce((total, column, row) => total + (scores[row]?.[column] ?? 0), 0);
      expect(sum).toBe(bestSum(scores));
    }),
    { numRuns: 500 },
  );
});

it('nothing to assign', () => {
  expect([...assignMaximum(new Float64Array(0), 0, 3)]).toEqual([]);
  expect([...assignMaximum(new Float64Array(0), 2, 0)]).toEqual([-1, -1]);
});
