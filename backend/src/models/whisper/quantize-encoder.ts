/**
 * An encoder's matrix products by integers: weights in 8 bits with a scale for each column, each position's input in 14 bits
 * (`halves.ts`) with a step of its own. Processors have instructions for these that are several times as fast as those for
 * floats, so that two products, one of each half, still cost a third. Convolutions, attention and norms stay in float32.
 */
import type { SourceGraph } from '../derived-graph.ts';
import { constantTensor, intAttribute, intsAttribute } from '../onnx-build.ts';
import type { GraphNode, StoredData } from '../onnx-file.ts';
import { standardNode } from '../standard-node.ts';
import { MICROSOFT } from './fuse-attention.ts';
import {
  HALVES_BASE,
  HALVES_LARGEST,
  HALVES_ONE,
  HALVES_SMALLEST,
  HALVES_ZERO,
  refuseNewOpsets,
  withHalvesConstants,
} from './halves.ts';
import { int8Names, quantizeColumns } from './int8-columns.ts';
import { matricesOf, type WeightStore, withWeights } from './weight-store.ts';

const BY_POSITION = 'int8/by_position';

/** Products with a float32 weight [rows, columns] become `MatMulIntegerToFloat`. */
export function quantizeEncoder(
  graph: SourceGraph,
  { store, pathOf }: { store: WeightStore; pathOf(stored: StoredData): string },
): SourceGraph {
  refuseNewOpsets(graph.opsets);
  const matrices = matricesOf(graph);
  const added = withHalvesConstants([constantTensor(BY_POSITION, 'int64', [3], BigInt64Array.of(1n, -1n, 1n))]);
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

/** [1, positions, d] → its halves, and each position's step [1, positions, 1]. */
function quantizeInput(input: string): GraphNode[] {
  const value = (what: string) => `${input}/${what}`;
  const axes = [intsAttribute('axes', [0, -1]), intAttribute('keepdims', 0)];
  const byPosition = [intAttribute('axis', 1)];
  return [
    standardNode('Abs', [input], value('abs')),
    standardNode('ReduceMax', [value('abs')], value('max'), axes),
    // Nothing is divided by 0.
    standardNode('Max', [value('max'), HALVES_SMALLEST], value('largest')),
    standardNode('Div', [value('largest'), HALVES_LARGEST], value('step')),
    standardNode('Mul', [value('step'), HALVES_BASE], value('high_step')),
    standardNode('Sub', [value('step'), value('step')], value('nothing')),
    standardNode('QuantizeLinear', [value('nothing'), HALVES_ONE, HALVES_ZERO.uint8], value('zeros')),
    standardNode('QuantizeLinear', [input, value('high_step'), value('zeros')], value('high'), byPosition),
    standardNode(
      'DequantizeLinear',
      [value('high'), value('high_step'), value('zeros')],
      value('high_value'),
      byPosition,
    ),
    standardNode('Sub', [input, value('high_value')], value('rest')),
    standardNode('QuantizeLinear', [value('rest'), value('step'), value('zeros')], value('low'), byPosition),
    standardNode('Reshape', [value('step'), BY_POSITION], value('steps')),
  ];
}

function product({ name, inputs, outputs }: GraphNode): GraphNode[] {
  const [input = '', weight = ''] = inputs;
  const [output = ''] = outputs;
  const { values, scales } = int8Names(weight);
  const half = (of: string, scale: string): GraphNode => ({
    opType: 'MatMulIntegerToFloat',
    domain: MICROSOFT,
    name: `${name}/${of}`,
    inputs: [`${input}/${of}`, values, scale, scales, HALVES_ZERO.uint8],
    outputs: [`${output}/${of}`],
    attributes: [],
  });
  return [
    half('high', HALVES_BASE),
    half('low', HALVES_ONE),
    standardNode('Add', [`${output}/high`, `${output}/low`], `${output}/sum`),
    standardNode('Mul', [`${output}/sum`, `${input}/steps`], output),
  ];
}
