/** 8-bit weights made from a graph's own, in a file beside the new graph. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { SourceGraph } from '../derived-graph.ts';
import { ELEMENT, MICROSOFT } from '../onnx-build.ts';
import type { GraphNode, GraphTensor, StoredData } from '../onnx-file.ts';
import { pruneGraph } from '../prune-graph.ts';

const FILE = 'int8_weights.bin';
/** What graphs' files are aligned to when the runtime maps them. */
const ALIGNMENT = 64;

export interface WeightStore {
  add(data: Uint8Array): StoredData;
}

/** @param folder of the new graph */
export function withWeightStore<T>(folder: string, use: (store: WeightStore) => T): T {
  const store = openWeightStore(folder);
  try {
    return use(store);
  } finally {
    store.close();
  }
}

function openWeightStore(folder: string): WeightStore & { close(): void } {
  const file = openSync(join(folder, FILE), 'w');
  let end = 0;
  return {
    add(data) {
      const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      for (let at = 0; at < data.length; ) at += writeSync(file, data, at, data.length - at, offset + at);
      end = offset + data.length;
      return { location: FILE, offset, length: data.length };
    },
    close: () => closeSync(file),
  };
}

/** A tensor whose data go to the store. */
export function storedTensor(
  store: WeightStore,
  name: string,
  dataType: number,
  dims: number[],
  data: Float32Array | Int8Array | Uint8Array,
): GraphTensor {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims, dataType, stored: store.add(bytes), fields: [] };
}

/** Other nodes and weights for a graph, which may lie in the store; what is used no more is left out. */
export function withWeights(
  graph: SourceGraph,
  nodes: readonly GraphNode[],
  added: readonly GraphTensor[],
): SourceGraph {
  return pruneGraph({
    ...graph,
    nodes,
    initializers: [...graph.initializers, ...added],
    opsets: new Map([...graph.opsets, [MICROSOFT, 1]]),
    fileOf: storedBeside(graph.fileOf),
  });
}

/** What a graph beside the store calls the file of its data. */
export function storedBeside(fileOf: SourceGraph['fileOf']): SourceGraph['fileOf'] {
  return (data) => (data.location === FILE ? FILE : fileOf(data));
}

/** The float32 matrices among a graph's weights: name → tensor. */
export function matricesOf({ initializers }: Pick<SourceGraph, 'initializers'>): Map<string, GraphTensor> {
  const matrices = initializers.filter(
    ({ dims, dataType, stored }) => stored !== undefined && dataType === ELEMENT.float32 && dims.length === 2,
  );
  return new Map(matrices.map((tensor) => [tensor.name, tensor]));
}

/** Reads a float32 matrix [rows, columns] some rows at a time: `use(part, first)` with `part` [≤ count, columns]. */
export function readRows(
  { dims, stored }: GraphTensor,
  pathOf: (stored: StoredData) => string,
  count: number,
  use: (part: Float32Array, first: number) => void,
): void {
  const [rows = 0, columns = 0] = dims;
  if (stored === undefined) throw new Error('A weight without data');
  const file = openSync(pathOf(stored), 'r');
  const part = new Float32Array(count * columns);
  try {
    for (let first = 0; first < rows; first += count) {
      const taken = part.subarray(0, Math.min(count, rows - first) * columns);
      readExactly(file, new Uint8Array(taken.buffer, 0, taken.byteLength), stored.offset + first * columns * 4);
      use(taken, first);
    }
  } finally {
    closeSync(file);
  }
}

function readExactly(file: number, bytes: Uint8Array, from: number): void {
  for (let at = 0; at < bytes.length; ) {
    const count = readSync(file, bytes, at, bytes.length - at, from + at);
    if (count === 0) throw new Error('A file of weights ends too early');
    at += count;
  }
}
