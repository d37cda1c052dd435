import type { OnnxModel, OnnxNode } from './onnx-graph.ts';

/**
 * Exports of the zipformer's downsampling pad its input to a multiple of the factor by appending copies of the last
 * frame. The chunk lengths divide evenly, so nothing has to be appended, but an optimizer has folded the empty
 * expansion away and left `Concat(x, last frame)`: the graph loads and fails at its first run, in the Reshape that
 * follows. These nodes pass their first input through instead.
 */
export function rewireDownsample(model: OnnxModel): Map<OnnxNode, OnnxNode[]> {
  const edits = new Map<OnnxNode, OnnxNode[]>();
  for (const node of model.nodes) {
    const [input] = node.inputs;
    if (node.opType !== 'Concat' || input === undefined || !/\/downsample[^/]*\/Concat_1$/.test(node.name)) continue;
    edits.set(node, [{ ...node, opType: 'Identity', inputs: [input], attributes: [] }]);
  }
  return edits;
}
