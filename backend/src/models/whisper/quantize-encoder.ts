/**
 * An encoder's matrix products in 8 bits: each position's input is scaled by its own largest value, each of a weight's
 * columns by its own (what CTranslate2 calls int8). The products are then sums of integers, for which processors have
 * instructions two to three times as fast as those for floats. Convolutions, attention and norms stay in float32.
 */
import type { SourceGraph } from './derived-graph.ts';
import { MICROSOFT } from './fuse-attention.ts';
import { constantTensor, ELEMENT, intAttribute, intsAttribute } from './onnx-build.ts';
import type { GraphNode, GraphTensor, StoredData } from './onnx-file.ts';
import { matricesOf, readRows, storedTensor, type WeightStore, withWeights } from './weight-store.ts';

const LARGEST = 127;
/** Inputs are stored as value + 128. */
const ZERO = 128;
/** Rows read at a time. */
const PART = 64;
/** ReduceMax takes its axes as an input from here on. */
const AXES_AS_INPUT = 18;

const SCALE = 'int8/scale';
const ZERO_POINT = 'int8/zero_point';
const SMALLEST = 'int8/smallest';

/** Products with a float32 weight [rows, columns] become `MatMulIntegerToFloat`. */
export function quantizeEncoder(
  graph: SourceGraph,
  { store, pathOf }: { store: WeightStore; pathOf(stored: StoredData): string },
): SourceGraph {
  if ((graph.opsets.get('') ?? 0) >= AXES_AS_INPUT) throw new Error('Operator sets from 18 on are not known here');
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
    if (!quantizedWeights.has(name)) added.push(...inColumns(weight, pathOf, store));
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
    standard('Abs', [input], `${input}/abs`),
    standard('ReduceMax', [`${input}/abs`], `${input}/max`, axes),
    // Nothing is divided by 0.
    standard('Max', [`${input}/max`, SMALLEST], `${input}/largest`),
    standard('Div', [input, `${input}/largest`], `${input}/unit`),
    standard('QuantizeLinear', [`${input}/unit`, SCALE, ZERO_POINT], `${input}/uint8`),
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
  return [sum, standard('Mul', [`${output}/unit`, `${input}/largest`], output)];
}

function standard(opType: string, inputs: string[], output: string, attributes: Uint8Array[] = []): GraphNode {
  return { opType, domain: '', name: `${output}/node`, inputs, outputs: [output], attributes };
}

/** A scale for each column; two passes over the file rather than the whole matrix in memory. */
function inColumns(weight: GraphTensor, pathOf: (stored: StoredData) => string, store: WeightStore): GraphTensor[] {
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
    storedTensor(store, `${weight.name}/int8`, ELEMENT.int8, [rows, columns], values),
    storedTensor(store, `${weight.name}/scales`, ELEMENT.float32, [columns], scales),
  ];
}
