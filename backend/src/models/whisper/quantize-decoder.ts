/**
 * A decoder's matrix products with weights in 8 bits: see `int8-blocks.ts`. What a token costs on a CPU is reading the
 * weights, and these are a quarter. Everything else stays as it is.
 */
import type { SourceGraph } from './derived-graph.ts';
import { MICROSOFT } from './fuse-attention.ts';
import { BLOCK, quantizeBlocks } from './int8-blocks.ts';
import { ELEMENT, intAttribute } from './onnx-build.ts';
import type { GraphNode, GraphTensor, StoredData } from './onnx-file.ts';
import { matricesOf, readRows, storedTensor, type WeightStore, withWeights } from './weight-store.ts';

/** Products in int8, sums in float32: each row of the input is quantized by itself, so rows never see their batch mates. */
const INT8_PRODUCTS = 4;

export interface Quantized {
  graph: SourceGraph;
  /** Names of the weights that are in 8 bits now; each lives on as `int8Names(name)`. */
  weights: Set<string>;
}

export function int8Names(weight: string): { values: string; scales: string } {
  return { values: `${weight}/int8`, scales: `${weight}/scales` };
}

export interface QuantizeOptions {
  store: WeightStore;
  /** The file that holds stored data of this graph. */
  pathOf(stored: StoredData): string;
  /** Weights that another graph has in 8 bits already: named here, and not stored again. */
  known?: ReadonlySet<string>;
}

/**
 * Products with a float32 weight [rows, columns] become `MatMulNBits`, those of the encoder's output excepted: they are
 * made once a window, for 1,500 positions, where this operator is no faster.
 */
export function quantizeDecoder(graph: SourceGraph, { store, pathOf, known }: QuantizeOptions): Quantized {
  const matrices = matricesOf(graph);
  const weights = new Set<string>();
  const added: GraphTensor[] = [];
  const nodes = graph.nodes.map((node) => {
    const [input = '', name = ''] = node.inputs;
    const weight = node.opType === 'MatMul' && input !== 'encoder_hidden_states' ? matrices.get(name) : undefined;
    if (weight === undefined || (weight.dims[0] as number) % BLOCK !== 0) return node;
    if (!weights.has(name)) {
      weights.add(name);
      if (!known?.has(name)) added.push(...inBlocks(weight, pathOf, store));
    }
    return product(node, weight);
  });
  return { graph: withWeights(graph, nodes, added), weights };
}

function product(node: GraphNode, { name, dims: [rows = 0, columns = 0] }: GraphTensor): GraphNode {
  const { values, scales } = int8Names(name);
  const sizes = { K: rows, N: columns, bits: 8, block_size: BLOCK, accuracy_level: INT8_PRODUCTS };
  return {
    ...node,
    opType: 'MatMulNBits',
    domain: MICROSOFT,
    inputs: [node.inputs[0] ?? '', values, scales],
    attributes: Object.entries(sizes).map(([key, value]) => intAttribute(key, value)),
  };
}

function inBlocks(weight: GraphTensor, pathOf: QuantizeOptions['pathOf'], store: WeightStore): GraphTensor[] {
  const [rows = 0, columns = 0] = weight.dims;
  const names = int8Names(weight.name);
  const { values, scales } = quantizeBlocks(rows, columns, (use) => readRows(weight, pathOf, BLOCK, use));
  return [
    storedTensor(store, names.values, ELEMENT.uint8, [columns, rows / BLOCK, BLOCK], values),
    storedTensor(store, names.scales, ELEMENT.float32, [columns, rows / BLOCK], scales),
  ];
}
