/**
 * Weights in 8 bits, as ONNX Runtime's `MatMulNBits` takes them: each column in blocks along its input, each block with a
 * scale of its own, so that one large weight harms only its block (GGML's Q8_0 is the same idea). Rounding errs by at most
 * half a scale, 1/254 of the block's largest weight.
 */

export const BLOCK = 32;
/** Stored as value + 128: the operator's zero point where none is given. */
const ZERO = 128;
const LARGEST = 127;

export interface Int8Blocks {
  /** [columns, rows / 32, 32] */
  values: Uint8Array;
  /** [columns, rows / 32] */
  scales: Float32Array;
}

/** A matrix [rows, columns], row-major, which `read` hands over 32 rows at a time with the number of their first. */
export function quantizeBlocks(
  rows: number,
  columns: number,
  read: (use: (part: Float32Array, first: number) => void) => void,
): Int8Blocks {
  if (rows % BLOCK !== 0) throw new Error(`${rows} rows are no multiple of ${BLOCK}`);
  const blocks = rows / BLOCK;
  const values = new Uint8Array(columns * rows);
  const scales = new Float32Array(columns * blocks);
  read((part, first) => {
    for (let column = 0; column < columns; column += 1) {
      const scale = quantizeColumn(part, columns, column, values, column * rows + first);
      scales[column * blocks + first / BLOCK] = scale;
    }
  });
  return { values, scales };
}

/** One block of one column into `values` from `at` on; returns its scale. */
function quantizeColumn(part: Float32Array, columns: number, column: number, values: Uint8Array, at: number): number {
  let largest = 0;
  for (let row = 0; row < BLOCK; row += 1) {
    largest = Math.max(largest, Math.abs(part[row * columns + column] as number));
  }
  const scale = Math.fround(largest / LARGEST);
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let row = 0; row < BLOCK; row += 1) {
    values[at + row] = Math.round((part[row * columns + column] as number) * inverse) + ZERO;
  }
  return scale;
}
