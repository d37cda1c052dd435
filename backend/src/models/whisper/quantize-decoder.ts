/**
 * A decoder's matrix products with weights in 8 bits: in blocks (`int8-blocks.ts`), the vocabulary's with a scale for each
 * token (`int8-columns.ts`). What a token costs on a CPU is reading the weights, and these are a quarter.
 */
import type { SourceGraph } from '../derived-graph.ts';
import { constantTensor, ELEMENT, intAttribute, MICROSOFT } from '../onnx-build.ts';
import type { GraphNode, GraphTensor, StoredData } from '../onnx-file.ts';
import { standardNode } from '../standard-node.ts';
import { HALVES_ONE, HALVES_ZERO, refuseNewOpsets, splitHalves, withHalvesConstants } from './halves.ts';
import { BLOCK, quantizeBlocks } from './int8-blocks.ts';
import { int8Names, quantizeColumns } from './int8-columns.ts';
import { type RoundedAndRest, splitRounded } from './split-rounded.ts';
import { matricesOf, readRows, storedTensor, type WeightStore, withWeights } from './weight-store.ts';

/**
 * The vocabulary's matrix has this many times more columns than rows at the least. With several rows of input it is four
 * times as fast in integers as in blocks, and with one no slower.
 */
const WIDE = 16;

/** Products in int8, sums in float32: each row of the input is quantized by itself, so rows never see their batch mates. */
const INT8_PRODUCTS = 4;

export interface Quantized {
  graph: SourceGraph;
  /** Names of the weights that are in 8 bits now; each lives on as `int8Names(name)`. */
  weights: Set<string>;
}

export interface QuantizeOptions {
  store: WeightStore;
  /** The file that holds stored data of this graph. */
  pathOf(stored: StoredData): string;
  /** Weights that another graph has in 8 bits already: named here, and not stored again. */
  known?: ReadonlySet<string>;
  /** Positions that logits are made of, in each row. */
  positions: number;
}

/**
 * Products with a float32 weight [rows, columns] become `MatMulNBits`, the vocabulary's one of integers. Those of the
 * encoder's output stay: they are made once a window, for 1,500 positions, where this operator is no faster.
 */
export function quantizeDecoder(graph: SourceGraph, { store, pathOf, known, positions }: QuantizeOptions): Quantized {
  refuseNewOpsets(graph.opsets);
  const matrices = matricesOf(graph);
  const weights = new Set<string>();
  const added: GraphTensor[] = [];
  const split = new Map<string, RoundedAndRest>();
  /** Made before its first use. */
  const roundedOf = (input: string): { parts: RoundedAndRest; isNew: boolean } => {
    const known = split.get(input);
    if (known !== undefined) return { parts: known, isNew: false };
    const parts = splitRounded(input, `${input}/rounded`, BLOCK);
    split.set(input, parts);
    added.push(...parts.constants);
    return { parts, isNew: true };
  };
  const nodes = graph.nodes.flatMap((node) => {
    const [input = '', name = ''] = node.inputs;
    const weight = node.opType === 'MatMul' && input !== 'encoder_hidden_states' ? matrices.get(name) : undefined;
    if (weight === undefined || (weight.dims[0] as number) % BLOCK !== 0) return [node];
    const wide = isWide(weight);
    if (!weights.has(name)) {
      weights.add(name);
      const quantize = wide ? inColumns : inBlocks;
      if (!known?.has(name)) added.push(...quantize(weight, pathOf, store));
    }
    if (!wide) return positions === 1 ? [product(node, weight)] : productOfRounded(node, weight, roundedOf(input));
    const integer = integerProduct(node, weight, positions);
    added.push(...integer.constants);
    return integer.nodes;
  });
  const initializers = withHalvesConstants(graph.initializers);
  return { graph: withWeights({ ...graph, initializers }, nodes, added), weights };
}

function isWide({ dims: [rows = 0, columns = 0] }: GraphTensor): boolean {
  return columns >= WIDE * rows;
}

/** Of [rows, positions, d], each position a row of its own. */
function integerProduct({ name, inputs, outputs }: GraphNode, { dims }: GraphTensor, positions: number) {
  const [input = '', weight = ''] = inputs;
  const [output = ''] = outputs;
  const { values, scales } = int8Names(weight);
  const value = (what: string) => `${output}/${what}`;
  const [rows, joined] = positions === 1 ? [input, output] : [value('rows'), value('joined')];
  const halves = splitHalves(rows, value('row'), { axis: 1, type: 'uint8' });
  const product: GraphNode = {
    opType: 'MatMulIntegerToFloat',
    domain: MICROSOFT,
    name,
    inputs: [halves.values, values, HALVES_ONE, scales, HALVES_ZERO.uint8],
    outputs: [value('product')],
    attributes: [],
  };
  const nodes = [...halves.nodes, product, standardNode('MatMul', [halves.join, value('product')], joined)];
  if (positions === 1) return { nodes, constants: [] };
  const shape = (what: string, of: bigint[]) => constantTensor(value(what), 'int64', [3], BigInt64Array.from(of));
  return {
    nodes: [
      standardNode('Reshape', [input, value('rows_shape')], rows),
      ...nodes,
      standardNode('Reshape', [joined, value('shape')], output),
    ],
    constants: [
      shape('rows_shape', [-1n, 1n, BigInt(dims[0] ?? 0)]),
      shape('shape', [-1n, BigInt(positions), BigInt(dims[1] ?? 0)]),
    ],
  };
}

function inColumns(weight: GraphTensor, pathOf: QuantizeOptions['pathOf'], store: WeightStore): GraphTensor[] {
  return quantizeColumns(weight, int8Names(weight.name), { pathOf, store });
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

/** The prompt's: once a window, and the language, the first time and whether anything is said come from it. */
function productOfRounded(
  node: GraphNode,
  weight: GraphTensor,
  { parts, isNew }: { parts: RoundedAndRest; isNew: boolean },
): GraphNode[] {
  const [output = ''] = node.outputs;
  const { inputs, ...rest } = product(node, weight);
  const both = `${output}/both`;
  return [
    ...(isNew ? parts.nodes : []),
    { ...rest, inputs: [parts.values, ...inputs.slice(1)], outputs: [both] },
    ...parts.join(both, output),
  ];
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
