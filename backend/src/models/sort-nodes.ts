import type { GraphNode } from './onnx-file.ts';

/**
 * The nodes, each behind those it reads from, else in their order. ONNX asks for it; converters to float16 append their
 * casts at the end, which the runtime forgives in a graph but not in a loop's body.
 */
export function sortNodes(nodes: readonly GraphNode[]): GraphNode[] {
  const producer = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const sorted = new Set<GraphNode>();
  // A stack of its own: graphs are deeper than the call stack.
  for (const root of nodes) {
    const open = [root];
    for (let node = open.at(-1); node !== undefined; node = open.at(-1)) {
      const missing = sorted.has(node) ? undefined : firstMissing(node, producer, sorted);
      if (missing === undefined) {
        sorted.add(node);
        open.pop();
      } else if (open.length > nodes.length) throw new Error('The graph has a cycle');
      else open.push(missing);
    }
  }
  return [...sorted];
}

function firstMissing(
  { inputs }: GraphNode,
  producer: ReadonlyMap<string, GraphNode>,
  sorted: ReadonlySet<GraphNode>,
): GraphNode | undefined {
  for (const input of inputs) {
    const source = producer.get(input);
    if (source !== undefined && !sorted.has(source)) return source;
  }
  return undefined;
}
