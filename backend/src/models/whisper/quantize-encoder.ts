/**
 * An encoder's matrix products in 8 bits: each position's input is scaled by its own largest value, each of a weight's
 * columns by its own (what CTranslate2 calls int8). The products are then sums of integers, for which processors have
 * instructions two to three times as fast as those for floats. Convolutions, attention and norms stay in float32.
 */
import type { SourceGraph } from '../derived-graph.ts';
import { constantTensor, intAttribute, intsAttribute } from '../onnx-build.ts';
import type { GraphNode, StoredData } from '../onnx-file.ts';
import { standardNode } from '../standard-node.ts';
import { MICROSOFT } from './fuse-attention.ts';
import { refuseNewOpsets } from './halves.ts';
import { int8Names, quantizeColumns } from './int8-columns.ts';
import { matricesOf, type WeightStore, withWeights } from './weight-store.ts';

const LARGEST = 127;
/** Inputs are stored as value + 128. */
const ZERO = 128;

const SCALE = 'int8/scale';
const ZERO_POINT = 'int8/zero_point';
const SMALLEST = 'int8/smallest';

/** Products with a float32 weight [rows, columns] become `MatMulIntegerToFloat`. */
export function quantizeEncoder(
  graph: SourceGraph,
  { store, pathOf }: { store: WeightStore; pathOf(stored: StoredData): string },
): SourceGraph {
  refuseNewOpsets(graph.opsets);
  const matrices = matricesOf(graph);
  const added = [
    constantTensor(SCALE, 'float32', [], Float32Array.of(1 / LARGEST)),
    constantTensor(ZERO_POINT, 'uint8', [], Uint8Array.of(ZERO)),
    constantTensor(SMALLEST, 'float32', [], Float32Array.of(1e-20)),
  ];
  const quantizedInputs = new Set<string>();
  const quantizedWeights = new Set<string>();
  const nodes = graph.nodes.flatMap((node) => {
    const [input = '', name = ''] = node.inputs;
    const weight = node.opType === 'MatMul' ? matrices.get(name) : undefined;
    if (weight === undefined) return [node];
    if (!quantizedWeights.has(name)) added.push(...quantizeColumns(weight, int8Names(name), { pathOf, store }));
    quantizedWeights.add(name);
    const before = quantizedInputs.has(input) ? [] : quantizeInput(input);
    quantizedInputs.add(input);
    return [...before, ...product(node)];
  });
  return withWeights(graph, nodes, added);
}

/** Each position divided by its largest magnitude, in 8 bits. */
function quantizeInput(input: string): GraphNode[] {
  const axes = [intsAttribute('axes', [-1]), intAttribute('keepdims', 1)];
  return [
    standardNode('Abs', [input], `${input}/abs`),
    standardNode('ReduceMax', [`${input}/abs`], `${input}/max`, axes),
    // Nothing is divided by 0.
    standardNode('Max', [`${input}/max`, SMALLEST], `${input}/largest`),
    standardNode('Div', [input, `${input}/largest`], `${input}/unit`),
    standardNode('QuantizeLinear', [`${input}/unit`, SCALE, ZERO_POINT], `${input}/uint8`),
  ];
}

function product({ name, inputs, outputs }: GraphNode): GraphNode[] {
  const [input = '', weight = ''] = inputs;
  const [output = ''] = outputs;
  const sum: GraphNode = {
    opType: 'MatMulIntegerToFloat',
    domain: MICROSOFT,
    name,
    inputs: [`${input}/uint8`, `${weight}/int8`, SCALE, `${weight}/scales`, ZERO_POINT],
    outputs: [`${output}/unit`],
    attributes: [],
  };
  return [sum, standardNode('Mul', [`${output}/unit`, `${input}/largest`], output)];
}
