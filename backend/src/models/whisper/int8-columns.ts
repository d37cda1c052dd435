/** Weights in 8 bits with a scale for each column, for products of integers (CTranslate2's int8 has the same scales). */
import { ELEMENT } from '../onnx-build.ts';
import type { GraphTensor, StoredData } from '../onnx-file.ts';
import { readRows, storedTensor, type WeightStore } from './weight-store.ts';

const LARGEST = 127;
/** Rows read at a time. */
const PART = 64;

export interface Int8Names {
  values: string;
  scales: string;
}

/** What a weight in 8 bits is called. */
export function int8Names(weight: string): Int8Names {
  return { values: `${weight}/int8`, scales: `${weight}/scales` };
}

/** A matrix [rows, columns] becomes int8 [rows, columns] and float32 scales [columns]. Two passes over the file rather
 * than the whole matrix in memory. */
export function quantizeColumns(
  weight: GraphTensor,
  names: Int8Names,
  { pathOf, store }: { pathOf(stored: StoredData): string; store: WeightStore },
): GraphTensor[] {
  const [rows = 0, columns = 0] = weight.dims;
  const scales = new Float32Array(columns);
  readRows(weight, pathOf, PART, (part) => {
    for (let at = 0; at < part.length; at += 1) {
      const column = at % columns;
      scales[column] = Math.max(scales[column] as number, Math.abs(part[at] as number));
    }
  });
  for (const [column, largest] of scales.entries()) scales[column] = largest / LARGEST;
  const values = new Int8Array(rows * columns);
  readRows(weight, pathOf, PART, (part, first) => {
    for (let at = 0; at < part.length; at += 1) {
      const scale = scales[at % columns] as number;
      values[first * columns + at] = scale === 0 ? 0 : Math.round((part[at] as number) / scale);
    }
  });
  return [
    storedTensor(store, names.values, ELEMENT.int8, [rows, columns], values),
    storedTensor(store, names.scales, ELEMENT.float32, [columns], scales),
  ];
}
