/**
 * The decoder as one graph: the prompt's graph, then an ONNX `Loop` whose body is the graph of one step, with the keys
 * and values as loop-carried state and the token rules beside it. The encoder's keys and values are captured from
 * outside the loop, never copied. Weights stay in the files they came from.
 */

import {
  type GraphWriter,
  graphAttribute,
  graphMessage,
  graphWriter,
  modelMessage,
  nodeMessage,
} from '../onnx-build.ts';
import type { GraphNode } from '../onnx-file.ts';
import type { WhisperLayout } from './layout.ts';
import { loopBody } from './loop-body.ts';
import { graphInputs, graphOutputs, LOOP_INPUTS, LOOP_OUTPUTS } from './loop-io.ts';
import { placePrompt } from './loop-prompt.ts';
import { chooseInGraph, type RuleState, rulesAfter, timestampIds } from './loop-rules.ts';
import { checkedOpsets, type LoopSources, outside } from './loop-sources.ts';
import { initialState, notAll, type State, samplingAt } from './loop-state.ts';

/** @throws Error with the reason where the graphs cannot be put together so. */
export function buildLoopGraph(sources: LoopSources, layout: WhisperLayout): Uint8Array {
  const opsets = checkedOpsets(sources);
  const outer = graphWriter('loop');
  const prompt = placePrompt(outer, sources.prefill, layout);
  const ids = timestampIds(outer, layout);
  const initial = writeFirst(outer, layout, prompt.logits, ids);
  const goOn = notAll(outer, initial.done);
  const promptLength = outer.op('Gather', [outer.op('Shape', [LOOP_INPUTS.ids]), outer.int64([1])]);
  const body = loopBody(sources, layout, { encoding: prompt.encoding, ids, promptLength });

  const carried = [initial.token, initial.oneBeforeIsTime, initial.lastTime, initial.done, ...body.pasts.map(outside)];
  const loop: GraphNode = {
    opType: 'Loop',
    domain: '',
    name: 'loop',
    inputs: [LOOP_INPUTS.steps, goOn, ...carried],
    outputs: [...carried.map((_, i) => `loop/final_${i}`), LOOP_OUTPUTS.tokens, LOOP_OUTPUTS.logprobs],
    attributes: [graphAttribute('body', body.graph)],
  };
  const graph = graphMessage({
    name: 'whisper_decoder',
    nodes: [...prompt.nodes, ...outer.nodes, ...body.nodesBefore, nodeMessage(loop)],
    initializers: [...prompt.initializers, ...body.initializersBefore, ...outer.initializers],
    inputs: graphInputs(layout, sources.storedCross),
    outputs: graphOutputs(layout),
  });
  return modelMessage(graph, Math.max(sources.prefill.irVersion, sources.step.irVersion), opsets);
}

/**
 * The first token, from the logits [rows, 2, vocab] at the prompt's start and end, and the state after it. Where the
 * prompt ends with tokens written before, it is chosen as one after them.
 */
function writeFirst(outer: GraphWriter, layout: WhisperLayout, logits: string, ids: string): State {
  const { op, int64 } = outer;
  const { timestamps, continuing, lastToken, oneBeforeIsTime, lastTime } = LOOP_INPUTS;
  op('Gather', [logits, int64([0])], { axis: 1 }, LOOP_OUTPUTS.startLogits);
  const last = op('Gather', [logits, int64([1])], { axis: 1 });
  const before: RuleState = { token: lastToken, oneBeforeIsTime, lastTime };
  const rules = rulesAfter(outer, layout, { state: before, timestamps, ids });
  const beginning = op('Not', [continuing]);
  const either = (atStart: string, after: string) =>
    op('Or', [op('And', [beginning, atStart]), op('And', [continuing, after])]);
  const first = chooseInGraph(outer, layout, {
    scores: op('Add', [last, LOOP_INPUTS.firstBias]),
    noText: either(timestamps, rules.noText),
    noSpecial: op('And', [beginning, timestamps]),
    allowedTimestamps: either(op('Less', [ids, LOOP_INPUTS.firstLimit]), rules.allowedTimestamps),
    timestamps,
    sampling: samplingAt(outer, int64([0])),
  });
  op('Identity', [first.logprob], {}, LOOP_OUTPUTS.firstLogprob);
  const token = op('Identity', [first.token], {}, LOOP_OUTPUTS.firstToken);
  return initialState(outer, layout, { token, oneBeforeIsTime: op('Or', [beginning, rules.lastIsTime]), lastTime });
}
