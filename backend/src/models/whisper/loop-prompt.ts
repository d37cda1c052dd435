/** The prompt's graph inside the decoder: its nodes and weights under names of their own. */

import type { SourceGraph } from '../derived-graph.ts';
import { ELEMENT, type GraphWriter, graphWriter, nodeMessage, tensorMessage } from '../onnx-build.ts';
import { sortNodes } from '../sort-nodes.ts';
import { isCross } from './cross-names.ts';
import type { WhisperLayout } from './layout.ts';
import { LOOP_INPUTS, LOOP_OUTPUTS } from './loop-io.ts';
import { castIfNeeded, renamed, typeOf } from './loop-sources.ts';

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
  const rename = (name: string) => names.get(name) ?? (isCross(name) ? name : `prompt/${name}`);
  const isPicked = prefill.nodes.some(({ inputs }) => inputs.includes(LOOP_INPUTS.positions));
  const logits = isPicked
    ? rename('logits')
    : outer.op('Gather', [rename('logits'), LOOP_INPUTS.positions], { axis: 1 });
  if (layout.hasCrossAttentions) writeAlignment(outer, layout, rename);
  return {
    nodes: [...before.nodes, ...sortNodes(prefill.nodes).map((node) => nodeMessage(renamed(node, rename)))],
    initializers: [
      ...before.initializers,
      ...prefill.initializers.map((tensor) => tensorMessage(tensor, rename(tensor.name), prefill.fileOf)),
    ],
    logits: castIfNeeded(outer, logits, typeOf(prefill.outputs, 'logits'), 'float32'),
    encoding,
  };
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
