/** Float32 weights as converters to smaller types store them, byte for byte; `tests/fixtures/whisper/dtypes.py` ran those. */

interface StoredIntegers {
  as: 'int8' | 'uint8';
  scale: number;
  zeroPoint: number;
}

export type Stored = { as: 'float16' } | { as: 'int4' } | { as: 'int4-scales' } | StoredIntegers;

const BLOCK = 32;

/** `columns`: of the matrix `weights` are, row-major. */
export function storeWeights(weights: Float32Array, columns: number, stored: Stored): Uint8Array {
  if (stored.as === 'float16') return bytesOf(Float16Array.from(weights, awayFromZero));
  if (stored.as === 'int4') return int4Blocks(weights, columns).packed;
  if (stored.as === 'int4-scales') return bytesOf(int4Blocks(weights, columns).scales);
  return integers(weights, stored);
}

/** onnxconverter-common keeps small values from becoming 0. */
function awayFromZero(value: number): number {
  const least = Math.fround(1e-7);
  return value !== 0 && Math.abs(value) < least ? Math.sign(value) * least : value;
}

/** onnxruntime.quantization, `quantize_nparray`: one scale and zero point for the tensor. */
function integers(weights: Float32Array, stored: StoredIntegers): Uint8Array {
  const [least, most] = stored.as === 'int8' ? [-128, 127] : [0, 255];
  return Uint8Array.from(weights, (value) => {
    const level = roundHalfToEven(Math.fround(value / stored.scale)) + stored.zeroPoint;
    return Math.min(most, Math.max(least, level)) & 0xff;
  });
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below % 2 === 0 ? below : below + 1;
  return rest < 0.5 ? below : below + 1;
}

/**
 * MatMulNBits, symmetric: of each column, blocks of 32 rows; the value furthest from 0 becomes −8 or just misses 8. Two
 * levels a byte, the earlier one in the low half.
 */
function int4Blocks(weights: Float32Array, columns: number): { packed: Uint8Array; scales: Float32Array } {
  const rows = weights.length / columns;
  const packed = new Uint8Array(weights.length / 2);
  const scales = new Float32Array(weights.length / BLOCK);
  for (let block = 0; block < scales.length; block += 1) {
    const column = Math.floor((block * BLOCK) / rows);
    const first = (block * BLOCK) % rows;
    const values = Array.from({ length: BLOCK }, (_, at) => weights[(first + at) * columns + column] ?? Number.NaN);
    const highest = Math.max(...values);
    const lowest = Math.min(...values);
    const scale = Math.fround((Math.abs(highest) > Math.abs(lowest) ? highest : lowest) / -8);
    scales[block] = scale;
    for (const [at, value] of values.entries()) {
      const level = Math.min(15, Math.max(0, Math.floor(Math.fround(value / scale) + 8.5)));
      const byte = (block * BLOCK + at) >> 1;
      packed[byte] = (packed[byte] ?? 0) | (at % 2 === 0 ? level : level << 4);
    }
  }
  return { packed, scales };
}

function bytesOf(view: Float16Array | Float32Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
