/** The assignment problem: which row takes which column so that the total cost is least. */

/**
 * Pairs min(rows, columns) rows with columns, each at most once, at the least total cost. O(min² · max) time: the
 * Hungarian method with shortest augmenting paths (Jonker and Volgenant 1987).
 * @param cost [rows, columns], finite; may be negative.
 * @returns for each row its column, or -1.
 */
export function assign(cost: Float64Array, rows: number, columns: number): Int32Array {
  if (cost.length !== rows * columns) throw new RangeError(`${cost.length} costs are not ${rows} × ${columns}`);
  if (!cost.every(Number.isFinite)) throw new RangeError('A cost is not finite');
  if (rows <= columns) return assignWide(cost, rows, columns);
  const rowOf = assignWide(transpose(cost, rows, columns), columns, rows);
  const columnOf = new Int32Array(rows).fill(-1);
  for (const [column, row] of rowOf.entries()) columnOf[row] = column;
  return columnOf;
}

/** With no more rows than columns: every row gets one. Row by row, along the cheapest path of changed assignments. */
function assignWide(cost: Float64Array, rows: number, columns: number): Int32Array {
  const rowOf = new Int32Array(columns).fill(-1);
  const columnOf = new Int32Array(rows).fill(-1);
  const rowPotential = new Float64Array(rows);
  const columnPotential = new Float64Array(columns);
  for (let start = 0; start < rows; start += 1) {
    const distance = new Float64Array(columns).fill(Number.POSITIVE_INFINITY);
    /** The row from which a column is reached at that distance. */
    const reachedFrom = new Int32Array(columns).fill(-1);
    const settled: number[] = [];
    const isSettled = new Uint8Array(columns);
    let row = start;
    let least = 0;
    let free = -1;
    while (free < 0) {
      let nearest = -1;
      for (let column = 0; column < columns; column += 1) {
        if (isSettled[column] === 1) continue;
        const reduced = at(cost, row * columns + column) - at(rowPotential, row) - at(columnPotential, column) + least;
        if (reduced < at(distance, column)) {
          distance[column] = reduced;
          reachedFrom[column] = row;
        }
        if (nearest < 0 || at(distance, column) < at(distance, nearest)) nearest = column;
      }
      least = at(distance, nearest);
      if (at(rowOf, nearest) < 0) {
        free = nearest;
      } else {
        settled.push(nearest);
        isSettled[nearest] = 1;
        row = at(rowOf, nearest);
      }
    }
    rowPotential[start] = at(rowPotential, start) + least;
    for (const column of settled) {
      const slack = least - at(distance, column);
      const taken = at(rowOf, column);
      rowPotential[taken] = at(rowPotential, taken) + slack;
      columnPotential[column] = at(columnPotential, column) - slack;
    }
    for (let column = free; column >= 0; ) {
      const taken = at(reachedFrom, column);
      const before = at(columnOf, taken);
      rowOf[column] = taken;
      columnOf[taken] = column;
      column = before;
    }
  }
  return columnOf;
}

function transpose(cost: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from(cost, (_, i) => at(cost, (i % rows) * columns + Math.floor(i / rows)));
}

function at(values: Float64Array | Int32Array, index: number): number {
  return values[index] ?? Number.NaN;
}
