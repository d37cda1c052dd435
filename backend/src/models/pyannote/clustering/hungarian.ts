/** The assignment problem: pairs of rows and columns with the greatest sum (Kuhn and Munkres' Hungarian method). */

/**
 * `scores` is [rows, columns], finite. Every row gets a column of its own, or every column a row where there are fewer
 * columns: the returned column of a row left over is -1. Time: least side² · greatest side.
 */
export function assignMaximum(scores: Float64Array, rows: number, columns: number): Int32Array {
  const assigned = new Int32Array(rows).fill(-1);
  if (rows > columns) {
    const rowOf = minimumCost(columns, rows, (column, row) => -(scores[row * columns + column] as number));
    rowOf.forEach((row, column) => {
      assigned[row] = column;
    });
  } else {
    assigned.set(minimumCost(rows, columns, (row, column) => -(scores[row * columns + column] as number)));
  }
  return assigned;
}

/**
 * The column of each row, `rows` ≤ `columns`. Rows are added one by one along the shortest augmenting path under
 * potentials that keep all reduced costs ≥ 0. Row and column 0 are dummies.
 */
function minimumCost(rows: number, columns: number, cost: (row: number, column: number) => number): Int32Array {
  const rowPotential = new Float64Array(rows + 1);
  const columnPotential = new Float64Array(columns + 1);
  const rowOf = new Int32Array(columns + 1);
  const previous = new Int32Array(columns + 1);
  for (let added = 1; added <= rows; added++) {
    rowOf[0] = added;
    const slack = new Float64Array(columns + 1).fill(Number.POSITIVE_INFINITY);
    const used = new Uint8Array(columns + 1);
    let column = 0;
    while (rowOf[column] !== 0) {
      used[column] = 1;
      const row = rowOf[column] as number;
      let least = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let j = 1; j <= columns; j++) {
        if (used[j] === 1) continue;
        const reduced = cost(row - 1, j - 1) - (rowPotential[row] as number) - (columnPotential[j] as number);
        if (reduced < (slack[j] as number)) {
          slack[j] = reduced;
          previous[j] = column;
        }
        if ((slack[j] as number) < least) {
          least = slack[j] as number;
          next = j;
        }
      }
      for (let j = 0; j <= columns; j++) {
        if (used[j] === 1) {
          const owner = rowOf[j] as number;
          rowPotential[owner] = (rowPotential[owner] as number) + least;
          columnPotential[j] = (columnPotential[j] as number) - least;
        } else {
          slack[j] = (slack[j] as number) - least;
        }
      }
      column = next;
    }
    while (column !== 0) {
      const before = previous[column] as number;
      rowOf[column] = rowOf[before] as number;
      column = before;
    }
  }
  const columnOf = new Int32Array(rows);
  for (let j = 1; j <= columns; j++) {
    const row = rowOf[j] as number;
    if (row > 0) columnOf[row - 1] = j - 1;
  }
  return columnOf;
}
