import type { GraphNode } from './onnx-file.ts';

/** A node of one output, from ONNX's own operators. */
export function standardNode(
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly Uint8Array[] = [],
): GraphNode {
  return { opType, domain: '', name: `${output}/node`, inputs: [...inputs], outputs: [output], attributes };
}
