/** The loop's body: the step's graph, its pasts carried from step to step. */

import type { SourceGraph } from '../derived-graph.ts';
import {
  ELEMENT,
  type GraphWriter,
  graphMessage,
  graphWriter,
  nodeMessage,
  tensorMessage,
  valueInfo,
} from '../onnx-build.ts';
import type { GraphNode, GraphTensor } from '../onnx-file.ts';
import { sortNodes } from '../sort-nodes.ts';
import { isCross } from './cross-names.ts';
import { hoistInvariant } from './hoist-invariant.ts';
import type { WhisperLayout } from './layout.ts';
import { castIfNeeded, elementOf, type LoopSources, outside, renamed, typeOf } from './loop-sources.ts';
import { ITERATION, type State, writeNext } from './loop-state.ts';

/** Values of the outer graph that the body reads. */
export interface Captured {
  encoding: string;
  ids: string;
  promptLength: string;
}

export interface Body {
  graph: Uint8Array;
  /** For the outer graph: what does not change through the loop, and the step's weights that the prompt has not. */
  nodesBefore: Uint8Array[];
  initializersBefore: Uint8Array[];
  /** The step's inputs that the loop carries. */
  pasts: string[];
}

/** The step's graph and the choice of its token. */
export function loopBody({ step, shared }: LoopSources, layout: WhisperLayout, captured: Captured): Body {
  const body = graphWriter('body');
  const pasts = step.inputs.filter(({ name }) => /^past_key_values\.\d+\.decoder\./.test(name));
  const state: State = {
    token: 'body/token',
    oneBeforeIsTime: 'body/one_before_is_time',
    lastTime: 'body/last_time',
    done: 'body/done',
  };
  const before = graphWriter('body_inputs');
  const rename = stepNames(before, step, { ...captured, shared, token: state.token });
  const ownWeights = step.initializers.filter(({ name }) => !shared.has(name));
  const small = new Set(step.initializers.filter(({ stored }) => stored === undefined).map(({ name }) => name));
  const nodes = hoistInvariant(
    sortNodes(step.nodes),
    (value) => value.includes('past_key_values') && value.includes('.encoder.'),
    (value) => small.has(value),
  );
  const read = new Set(nodes.before.flatMap(({ inputs }) => inputs));
  const isInner = ({ name, stored }: GraphTensor) => stored === undefined && !read.has(name);
  const message = (tensor: GraphTensor) => tensorMessage(tensor, rename(tensor.name), step.fileOf);
  const place = (node: GraphNode) => nodeMessage(renamed(node, rename));

  const logits = castIfNeeded(body, rename('logits'), typeOf(step.outputs, 'logits'), 'float32');
  const next = writeNext(body, layout, { logits, state, ids: captured.ids });
  const presents = pasts.map(({ name }) => rename(name.replace('past_key_values', 'present')));
  const cache = (name: string, type: string, length: string) =>
    valueInfo(name, elementOf(type), ['rows', layout.heads, length, layout.headDim]);
  const column = (name: string, type: keyof typeof ELEMENT) => valueInfo(name, ELEMENT[type], ['rows', 1]);
  const graph = graphMessage({
    name: 'step',
    nodes: [...before.nodes, ...nodes.body.map(place), ...body.nodes],
    initializers: [...before.initializers, ...ownWeights.filter(isInner).map(message), ...body.initializers],
    inputs: [
      valueInfo(ITERATION, ELEMENT.int64, []),
      valueInfo('body/go_on', ELEMENT.bool, []),
      column(state.token, 'int64'),
      column(state.oneBeforeIsTime, 'bool'),
      column(state.lastTime, 'int64'),
      column(state.done, 'bool'),
      ...pasts.map(({ name, type }) => cache(rename(name), type, 'past')),
    ],
    outputs: [
      valueInfo(next.goOn, ELEMENT.bool, []),
      column(next.token, 'int64'),
      column(next.oneBeforeIsTime, 'bool'),
      column(next.lastTime, 'int64'),
      column(next.done, 'bool'),
      ...presents.map((name, index) => cache(name, pasts[index]?.type ?? '', 'present')),
      column(next.written, 'int64'),
      column(next.logprob, 'float32'),
    ],
  });
  return {
    graph,
    nodesBefore: nodes.before.map(place),
    initializersBefore: ownWeights.filter((tensor) => !isInner(tensor)).map(message),
    pasts: pasts.map(({ name }) => name),
  };
}

/** What the step's values are called inside the body. */
function stepNames(
  before: GraphWriter,
  step: SourceGraph,
  { encoding, promptLength, shared, token }: Captured & { shared: LoopSources['shared']; token: string },
): (name: string) => string {
  const names = new Map([
    ['', ''],
    ['input_ids', token],
    ['encoder_hidden_states', encoding],
  ]);
  for (const { name } of step.inputs) if (name.includes('.encoder.')) names.set(name, outside(name));
  for (const [ours, theirs] of shared) names.set(ours, `prompt/${theirs}`);
  if (step.inputs.some(({ name }) => name === 'cache_position')) {
    const position = before.op('Add', [ITERATION, promptLength]);
    names.set('cache_position', before.op('Unsqueeze', [position, before.int64([0], [1])]));
  }
  return (name) => names.get(name) ?? (isCross(name) ? name : `step/${name}`);
}
