/**
 * An encoder's matrix products by integers: weights in 8 bits with a scale for each column, their inputs in 14 bits
 * (`halves.ts`). Processors have instructions for these that are several times as fast as those for floats, so that two
 * products, one of each half, still cost a third. Convolutions, attention and norms stay in float32.
 */
import type { SourceGraph } from '../derived-graph.ts';
import type { StoredData } from '../onnx-file.ts';
import { refuseNewOpsets, splitWhole, type WholeHalves, withHalvesConstants } from './halves.ts';
import { int8Names, quantizeColumns } from './int8-columns.ts';
import { matricesOf, type WeightStore, withWeights } from './weight-store.ts';

/** Products with a float32 weight [rows, columns] become `MatMulIntegerToFloat`. The graph hears one window at a time. */
export function quantizeEncoder(
  graph: SourceGraph,
  { store, pathOf }: { store: WeightStore; pathOf(stored: StoredData): string },
): SourceGraph {
  refuseNewOpsets(graph.opsets);
  const matrices = matricesOf(graph);
  const added = withHalvesConstants([]);
  const inputs = new Map<string, WholeHalves>();
  const quantized = new Set<string>();
  const nodes = graph.nodes.flatMap((node) => {
    const [input = '', name = ''] = node.inputs;
    const weight = node.opType === 'MatMul' ? matrices.get(name) : undefined;
    if (weight === undefined) return [node];
    const names = int8Names(name);
    if (!quantized.has(name)) added.push(...quantizeColumns(weight, names, { pathOf, store }));
    quantized.add(name);
    const known = inputs.get(input);
    const halves = known ?? splitWhole(input, `${input}/halves`);
    inputs.set(input, halves);
    return [...(known === undefined ? halves.nodes : []), ...halves.times(names, node.outputs[0] ?? '')];
  });
  return withWeights(graph, nodes, added);
}
