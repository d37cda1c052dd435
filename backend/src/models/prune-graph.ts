import type { GraphNode, OnnxFile } from './onnx-file.ts';

/** Without the nodes and weights that no output needs. */
export function pruneGraph<G extends Pick<OnnxFile, 'nodes' | 'initializers' | 'outputs'>>(graph: G): G {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const kept = new Set<GraphNode>();
  // A set's iteration goes on over what is added meanwhile.
  for (const value of needed) {
    const node = producers.get(value);
    if (node === undefined || kept.has(node)) continue;
    kept.add(node);
    for (const input of node.inputs) needed.add(input);
  }
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => kept.has(node)),
    initializers: graph.initializers.filter(({ name }) => needed.has(name)),
  };
}
