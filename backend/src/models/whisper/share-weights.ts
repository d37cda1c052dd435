/** The prompt's and the step's graph hold the same weights, under names that differ: which are which. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import type { GraphTensor, OnnxFile, StoredData } from '../onnx-file.ts';

export interface WeightSource extends Pick<OnnxFile, 'initializers'> {
  /** The file that holds stored data. */
  pathOf(stored: StoredData): string;
}

/** What is read at a time, in bytes. */
const CHUNK = 1 << 22;

/** Weights of `step` with the same contents as one of `prefill`: its name → theirs. Reads all of them once. */
export function shareWeights(prefill: WeightSource, step: WeightSource): Map<string, string> {
  const files = new Map<string, number>();
  // One buffer for all: those of hundreds of weights would pile up before any garbage is collected.
  const chunk = Buffer.allocUnsafe(CHUNK);
  try {
    const known = new Map(prefill.initializers.flatMap((tensor) => named(prefill, tensor, files, chunk)));
    const pairs = step.initializers.flatMap((tensor) => named(step, tensor, files, chunk));
    return new Map(
      pairs.flatMap(([contents, name]) => {
        const same = known.get(contents);
        return same === undefined ? [] : [[name, same] as const];
      }),
    );
  } finally {
    for (const file of files.values()) closeSync(file);
  }
}

/** What a weight is made of → its name. */
function named(
  source: WeightSource,
  tensor: GraphTensor,
  files: Map<string, number>,
  chunk: Buffer,
): [string, string][] {
  const { name, dims, dataType, stored } = tensor;
  if (stored === undefined) return [];
  const path = source.pathOf(stored);
  const file = files.get(path) ?? openSync(path, 'r');
  files.set(path, file);
  return [[`${dataType} ${dims.join('x')} ${contentHash(file, stored, chunk)}`, name]];
}

function contentHash(file: number, { offset, length }: StoredData, chunk: Buffer): string {
  const hash = createHash('sha256');
  for (let at = 0; at < length; ) {
    const count = readSync(file, chunk, 0, Math.min(chunk.length, length - at), offset + at);
    if (count === 0) throw new Error('A file of weights ends too early');
    hash.update(chunk.subarray(0, count));
    at += count;
  }
  return hash.digest('hex');
}
