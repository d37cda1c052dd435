import { describe, expect, it } from 'vitest';
import { assign } from '../../backend/src/text/assignment.ts';
import { recorded } from './recorded-diarizations.ts';

function totalOf(cost: Float64Array, columns: number, columnOf: Int32Array): number {
  return [...columnOf.entries()].reduce(
    (sum, [row, column]) => sum + (column < 0 ? 0 : (cost[row * columns + column] ?? 0)),
    0,
  );
}

/** The least total by trying everything. */
function leastTotal(cost: Float64Array, rows: number, columns: number, row = 0, used = 0, pairs = 0): number {
  if (row === rows) return pairs === Math.min(rows, columns) ? 0 : Number.POSITIVE_INFINITY;
  const skipped = leastTotal(cost, rows, columns, row + 1, used, pairs);
  const taken = Array.from({ length: columns }, (_, column) =>
    used & (1 << column)
      ? Number.POSITIVE_INFINITY
      : (cost[row * columns + column] ?? 0) + leastTotal(cost, rows, columns, row + 1, used | (1 << column), pairs + 1),
  );
  return Math.min(skipped, ...taken);
}

function expectOneToOne(columnOf: Int32Array, rows: number, columns: number): void {
  const taken = [...columnOf].filter((column) => column >= 0);
  expect(columnOf).toHaveLength(rows);
  expect(taken).toHaveLength(Math.min(rows, columns));
  expect(new Set(taken).size).toBe(taken.length);
  expect(Math.max(-1, ...taken)).toBeLessThan(columns);
}

describe('assign', () => {
  it('finds the least total of all assignments, of every small shape', () => {
    let seed = 7;
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed / 2 ** 32;
    };
    for (let rows = 1; rows <= 5; rows += 1) {
      for (let columns = 1; columns <= 5; columns += 1) {
        for (let round = 0; round < 8; round += 1) {
          // Few values make ties, many none.
          const cost = Float64Array.from({ length: rows * columns }, () =>
            round % 2 === 0 ? Math.floor(random() * 4) - 1 : random() - 0.5,
          );
          const columnOf = assign(cost, rows, columns);
          expectOneToOne(columnOf, rows, columns);
          expect(totalOf(cost, columns, columnOf)).toBeCloseTo(leastTotal(cost, rows, columns), 12);
        }
      }
    }
  });

  it.each(recorded.assignments)('as cheap as SciPy: $rows × $columns', ({ rows, columns, cost, least }) => {
    const costs = Float64Array.from(cost);
    const columnOf = assign(costs, rows, columns);
    expectOneToOne(columnOf, rows, columns);
    expect(totalOf(costs, columns, columnOf)).toBe(least);
  });

  it('leaves rows without a column where there are more of them', () => {
    expect([...assign(Float64Array.of(5, 1, 3), 3, 1)]).toEqual([-1, 0, -1]);
    expect([...assign(new Float64Array(0), 2, 0)]).toEqual([-1, -1]);
    expect([...assign(new Float64Array(0), 0, 3)]).toEqual([]);
  });

  it('refuses costs of another shape, or that are not finite', () => {
    expect(() => assign(new Float64Array(5), 2, 3)).toThrow('5 costs are not 2 × 3');
    expect(() => assign(Float64Array.of(1, Number.NaN), 1, 2)).toThrow('not finite');
  });
});
