/** The prompt's graph inside the decoder: its nodes and weights under names of their own. */
import type { SourceGraph } from './derived-graph.ts';
import type { WhisperLayout } from './layout.ts';
import { LOOP_INPUTS, LOOP_OUTPUTS } from './loop-io.ts';
import { castIfNeeded, renamed, typeOf } from './loop-sources.ts';
import { ELEMENT, type GraphWriter, graphWriter, intAttribute, nodeMessage, tensorMessage } from './onnx-build.ts';
import type { GraphNode } from './onnx-file.ts';
import { sortNodes } from './sort-nodes.ts';

export interface Prompt {
  nodes: Uint8Array[];
  initializers: Uint8Array[];
  /** [rows, 2, vocab] float32: at the two positions asked for. */
  logits: string;
  /** The encoding in the graphs' own type. */
  encoding: string;
}

/** The prefill graph's nodes under names of their own; what feeds them goes to `outer`'s nodes before. */
export function placePrompt(outer: GraphWriter, prefill: SourceGraph, layout: WhisperLayout): Prompt {
  const before = graphWriter('prompt_inputs');
  const encoding = castIfNeeded(
    before,
    LOOP_INPUTS.encoding,
    'float32',
    typeOf(prefill.inputs, 'encoder_hidden_states'),
  );
  const names = new Map([
    ['', ''],
    ['input_ids', LOOP_INPUTS.ids],
    ['encoder_hidden_states', encoding],
    [LOOP_INPUTS.positions, LOOP_INPUTS.positions],
  ]);
  if (prefill.inputs.some(({ name }) => name === 'cache_position')) {
    const length = before.op('Gather', [before.op('Shape', [LOOP_INPUTS.ids]), before.int64([1])]);
    names.set('cache_position', before.op('Range', [before.int64([0]), length, before.int64([1])]));
  }
  const rename = (name: string) => names.get(name) ?? `prompt/${name}`;
  const { nodes, isPicked } = pickPositions(prefill);
  const logits = isPicked
    ? rename('logits')
    : outer.op('Gather', [rename('logits'), LOOP_INPUTS.positions], { axis: 1 });
  if (layout.hasCrossAttentions) writeAlignment(outer, layout, rename);
  return {
    nodes: [...before.nodes, ...nodes.map((node) => nodeMessage(renamed(node, rename)))],
    initializers: [
      ...before.initializers,
      ...prefill.initializers.map((tensor) => tensorMessage(tensor, rename(tensor.name), prefill.fileOf)),
    ],
    logits: castIfNeeded(outer, logits, typeOf(prefill.outputs, 'logits'), 'float32'),
    encoding,
  };
}

/**
 * The vocabulary's matrix is the largest: two positions' logits are enough. Where its inputs are quantized together
 * (MatMulInteger), their range would change with the positions left out, so there all logits are made.
 */
function pickPositions(prefill: SourceGraph): { nodes: GraphNode[]; isPicked: boolean } {
  const nodes = sortNodes(prefill.nodes);
  const at = nodes.findIndex(({ outputs }) => outputs.includes('logits'));
  const last = nodes[at];
  const [hidden, ...rest] = last?.inputs ?? [];
  if (last === undefined || hidden === undefined || !['MatMul', 'MatMulNBits'].includes(last.opType)) {
    return { nodes, isPicked: false };
  }
  const gather: GraphNode = {
    opType: 'Gather',
    domain: '',
    name: 'loop_picked',
    inputs: [hidden, LOOP_INPUTS.positions],
    outputs: ['loop_picked'],
    attributes: [intAttribute('axis', 1)],
  };
  nodes.splice(at, 1, gather, { ...last, inputs: ['loop_picked', ...rest] });
  return { nodes, isPicked: true };
}

/** [rows, alignment heads, attended positions, frames] float32 */
function writeAlignment(outer: GraphWriter, layout: WhisperLayout, rename: (name: string) => string): void {
  const { op, int64 } = outer;
  const heads = layout.alignmentHeads.map(([layer, head]) =>
    op('Gather', [rename(`cross_attentions.${layer}`), int64([head], [1])], { axis: 1 }),
  );
  const all = op('Concat', heads, { axis: 1 });
  const wanted = op('Slice', [all, int64([0], [1]), LOOP_INPUTS.attended, int64([2], [1])]);
  op('Cast', [wanted], { to: ELEMENT.float32 }, LOOP_OUTPUTS.alignment);
}
