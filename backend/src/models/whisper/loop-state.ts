/** What the loop carries besides keys and values, and how a step changes it. All values are [rows, 1] unless said. */

import type { GraphWriter } from '../onnx-build.ts';
import type { WhisperLayout } from './layout.ts';
import { LOOP_INPUTS } from './loop-io.ts';
import { asNumber, chooseNext, isTimestamp, type RuleState } from './loop-rules.ts';

/** The loop's count of steps, int64 []. */
export const ITERATION = 'body/iteration';

/** `step` int64 []: row of the draws. */
export function samplingAt({ op, int64 }: GraphWriter, step: string) {
  const draw = op('Unsqueeze', [op('Gather', [LOOP_INPUTS.draws, step]), int64([1], [1])]);
  return { on: LOOP_INPUTS.sampling, temperature: LOOP_INPUTS.temperature, draw };
}

export interface State extends RuleState {
  /** bool: the end token has been written. */
  done: string;
}

/** After the run's first token; `lastTime` is from before it. */
export function initialState(
  outer: GraphWriter,
  layout: WhisperLayout,
  { token, oneBeforeIsTime, lastTime }: RuleState,
): State {
  const { op, int64 } = outer;
  return {
    token,
    oneBeforeIsTime,
    lastTime: op('Where', [isTimestamp(outer, layout, token), token, lastTime]),
    done: op('Equal', [token, int64([layout.tokens.eot])]),
  };
}

/** bool []: some row is not done. */
export function notAll(writer: GraphWriter, done: string): string {
  const least = writer.op('ReduceMin', [asNumber(writer, done)], { keepdims: 0 });
  return writer.op('Less', [least, writer.float32(0.5)]);
}

export interface NextInput {
  /** [rows, 1, vocab] float32 */
  logits: string;
  state: State;
  /** From `timestampIds`. */
  ids: string;
}

/** From the step's logits to the token and the state after it. */
export function writeNext(body: GraphWriter, layout: WhisperLayout, { logits, state, ids }: NextInput) {
  const { op, int64, float32 } = body;
  const scores = op('Add', [op('Squeeze', [logits, int64([1], [1])]), LOOP_INPUTS.bias]);
  const sampling = samplingAt(body, op('Add', [ITERATION, int64([1])]));
  const chosen = chooseNext(body, layout, { scores, timestamps: LOOP_INPUTS.timestamps, ids, sampling, state });
  const eot = int64([layout.tokens.eot]);
  const token = op('Where', [state.done, eot, chosen.token]);
  const done = op('Equal', [token, eot]);
  return {
    token,
    oneBeforeIsTime: chosen.lastIsTime,
    lastTime: op('Where', [isTimestamp(body, layout, token), token, state.lastTime]),
    done,
    goOn: notAll(body, done),
    written: op('Identity', [token]),
    logprob: op('Where', [state.done, float32(0), chosen.logprob]),
  };
}
