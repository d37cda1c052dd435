import type { GraphNode } from '../onnx-file.ts';

/**
 * Splits a loop body's nodes: those that compute the same at every step (the transposed and scaled keys of the encoder's
 * output, in most exports) go before the loop, with the constants they need. `isInvariant` names values from outside
 * that stay the same through the loop; `isConstant` the body's own constants, of which alone nothing is made up front:
 * the runtime folds those.
 */
export function hoistInvariant(
  nodes: readonly GraphNode[],
  isInvariant: (value: string) => boolean,
  isConstant: (value: string) => boolean,
): { before: GraphNode[]; body: GraphNode[] } {
  const constants = new Map<string, GraphNode>();
  const known = new Set<string>();
  const before = new Set<GraphNode>();
  for (const node of nodes) {
    const { opType, inputs, outputs } = node;
    if (opType === 'Constant') for (const output of outputs) constants.set(output, node);
    const varies = (value: string) =>
      value !== '' && !isInvariant(value) && !known.has(value) && !constants.has(value) && !isConstant(value);
    const depends = inputs.some((value) => isInvariant(value) || known.has(value));
    if (!depends || inputs.some(varies) || opType.startsWith('Random') || opType === 'Shape') continue;
    for (const input of inputs) {
      const constant = constants.get(input);
      if (constant !== undefined) before.add(constant);
    }
    before.add(node);
    for (const output of outputs) known.add(output);
  }
  return { before: nodes.filter((node) => before.has(node)), body: nodes.filter((node) => !before.has(node)) };
}
