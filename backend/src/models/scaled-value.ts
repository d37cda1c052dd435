import type { GraphIndex } from './graph-index.ts';

export interface Scaled {
  value: string;
  scale: number;
}

/** What a value is made of, without multiplications and divisions by a constant. */
export function scaled(index: GraphIndex, value: string): Scaled {
  const node = index.producer(value);
  const [left = '', right = ''] = node?.inputs ?? [];
  if (node?.opType === 'Mul') {
    const factor = index.scalar(right) ?? index.scalar(left);
    if (factor === undefined) return { value, scale: 1 };
    const inner = scaled(index, index.scalar(right) === undefined ? right : left);
    return { value: inner.value, scale: inner.scale * factor };
  }
  const divisor = node?.opType === 'Div' ? index.scalar(right) : undefined;
  if (divisor === undefined) return { value, scale: 1 };
  const inner = scaled(index, left);
  return { value: inner.value, scale: inner.scale / divisor };
}
