/** Dense matrices and the one kernel that most of the time of clustering is spent in. */

/** [rows, columns], row by row. */
export interface Matrix {
  data: Float64Array;
  rows: number;
  columns: number;
}

export function zeros(rows: number, columns: number): Matrix {
  return { data: new Float64Array(rows * columns), rows, columns };
}

/** Rows of `b` that stay in the processor's cache while all rows of `a` pass. */
const TILE = 64;

/** Which rows of both take part; all when left out. */
interface Rows {
  aFrom?: number;
  aTo?: number;
  bFrom?: number;
  bTo?: number;
}

/**
 * Scalar products of rows of `a` with rows of `b` into `out`, [rows of a, rows of b]. Four rows by two at a time, so that
 * a number once loaded is used several times (measured: 2.2e9 products a second, against 1.0e9 pair by pair).
 */
export function dotProducts(a: Matrix, b: Matrix, out: Float64Array, rows: Rows = {}): void {
  const { aFrom = 0, aTo = a.rows, bFrom = 0, bTo = b.rows } = rows;
  const width = bTo - bFrom;
  const size = a.columns;
  const x = a.data;
  const y = b.data;
  for (let tile = bFrom; tile < bTo; tile += TILE) {
    const tileEnd = Math.min(tile + TILE, bTo);
    for (let i0 = aFrom; i0 < aTo; i0 += 4) {
      // At the end the last row stands in for those missing: its products are written once more.
      const i1 = Math.min(i0 + 1, aTo - 1);
      const i2 = Math.min(i0 + 2, aTo - 1);
      const i3 = Math.min(i0 + 3, aTo - 1);
      const a0 = i0 * size;
      const a1 = i1 * size;
      const a2 = i2 * size;
      const a3 = i3 * size;
      for (let j0 = tile; j0 < tileEnd; j0 += 2) {
        const j1 = Math.min(j0 + 1, tileEnd - 1);
        const b0 = j0 * size;
        const b1 = j1 * size;
        let s00 = 0;
        let s01 = 0;
        let s10 = 0;
        let s11 = 0;
        let s20 = 0;
        let s21 = 0;
        let s30 = 0;
        let s31 = 0;
        for (let k = 0; k < size; k++) {
          const p = y[b0 + k] as number;
          const q = y[b1 + k] as number;
          const u0 = x[a0 + k] as number;
          s00 += u0 * p;
          s01 += u0 * q;
          const u1 = x[a1 + k] as number;
          s10 += u1 * p;
          s11 += u1 * q;
          const u2 = x[a2 + k] as number;
          s20 += u2 * p;
          s21 += u2 * q;
          const u3 = x[a3 + k] as number;
          s30 += u3 * p;
          s31 += u3 * q;
        }
        const [o0, o1] = [j0 - bFrom, j1 - bFrom];
        out[(i0 - aFrom) * width + o0] = s00;
        out[(i0 - aFrom) * width + o1] = s01;
        out[(i1 - aFrom) * width + o0] = s10;
        out[(i1 - aFrom) * width + o1] = s11;
        out[(i2 - aFrom) * width + o0] = s20;
        out[(i2 - aFrom) * width + o1] = s21;
        out[(i3 - aFrom) * width + o0] = s30;
        out[(i3 - aFrom) * width + o1] = s31;
      }
    }
  }
}

/** Rows `from` to `to` (without it) turned: [columns, to - from]. `out` has room for them. */
export function transposeRows({ data, columns }: Matrix, from: number, to: number, out: Float64Array): Matrix {
  const rows = to - from;
  for (let row = 0; row < rows; row++) {
    const start = (from + row) * columns;
    for (let column = 0; column < columns; column++) out[column * rows + row] = data[start + column] as number;
  }
  return { data: out, rows: columns, columns: rows };
}

/** Euclidean length of every row. */
export function rowLengths({ data, rows, columns }: Matrix): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let at = row * columns; at < (row + 1) * columns; at++) sum += (data[at] as number) ** 2;
    return Math.sqrt(sum);
  });
}

/** Rows scaled to the length 1 (or `length`), in place; a row of zeros stays. */
export function normalizeRows(matrix: Matrix, length = 1): Matrix {
  const lengths = rowLengths(matrix);
  for (let at = 0; at < matrix.data.length; at++) {
    const own = lengths[Math.floor(at / matrix.columns)] as number;
    if (own > 0) matrix.data[at] = ((matrix.data[at] as number) / own) * length;
  }
  return matrix;
}

/** Means of the rows with the same label, each row counted `weights` times; empty groups are rows of zeros. */
export function groupMeans(
  points: Matrix,
  labels: Int32Array,
  groups: number,
  weights?: Float64Array,
): { means: Matrix; totals: Float64Array } {
  const means = zeros(groups, points.columns);
  const totals = new Float64Array(groups);
  for (let row = 0; row < points.rows; row++) {
    const group = labels[row] as number;
    const weight = weights === undefined ? 1 : (weights[row] as number);
    totals[group] = (totals[group] as number) + weight;
    const from = row * points.columns;
    const to = group * points.columns;
    for (let k = 0; k < points.columns; k++) {
      means.data[to + k] = (means.data[to + k] as number) + weight * (points.data[from + k] as number);
    }
  }
  for (let at = 0; at < means.data.length; at++) {
    const total = totals[Math.floor(at / points.columns)] as number;
    if (total > 0) means.data[at] = (means.data[at] as number) / total;
  }
  return { means, totals };
}
