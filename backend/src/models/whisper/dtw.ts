/** Dynamic time warping of a [rows, columns] cost matrix, row-major (openai/whisper, timing.py: dtw_cpu, backtrace). */

export interface WarpingPath {
  /** Of each step, from first to last: the row and the column it is in. */
  rows: number[];
  columns: number[];
}

const DIAGONAL = 0;
const UP = 1;
const LEFT = 2;

/** The cheapest monotonic path from the first cell to the last. */
export function dynamicTimeWarping(cost: Float64Array, rows: number, columns: number): WarpingPath {
  if (rows === 0 || columns === 0) return { rows: [], columns: [] };
  const width = columns + 1;
  // Accumulated costs of the row above and of this one [columns + 1]; in float32, as the reference keeps them.
  let above = new Float32Array(width).fill(Number.POSITIVE_INFINITY);
  let current = new Float32Array(width);
  above[0] = 0;
  const trace = new Uint8Array((rows + 1) * width);
  for (let i = 1; i <= rows; i += 1) {
    current[0] = Number.POSITIVE_INFINITY;
    for (let j = 1; j <= columns; j += 1) {
      const diagonal = above[j - 1] as number;
      const up = above[j] as number;
      const left = current[j - 1] as number;
      let cheapest = left;
      let step = LEFT;
      if (diagonal < up && diagonal < left) {
        cheapest = diagonal;
        step = DIAGONAL;
      } else if (up < diagonal && up < left) {
        cheapest = up;
        step = UP;
      }
      current[j] = (cost[(i - 1) * columns + j - 1] as number) + cheapest;
      trace[i * width + j] = step;
    }
    [above, current] = [current, above];
  }
  return backtrace(trace, rows, columns);
}

function backtrace(trace: Uint8Array, rows: number, columns: number): WarpingPath {
  const path: WarpingPath = { rows: [], columns: [] };
  let i = rows;
  let j = columns;
  while (i > 0 || j > 0) {
    path.rows.push(i - 1);
    path.columns.push(j - 1);
    const step = i === 0 ? LEFT : j === 0 ? UP : trace[i * (columns + 1) + j];
    if (step !== LEFT) i -= 1;
    if (step !== UP) j -= 1;
  }
  path.rows.reverse();
  path.columns.reverse();
  return path;
}
