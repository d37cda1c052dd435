/** Inputs and outputs of the decoder that has its loop inside the graph. */

import { ELEMENT, valueInfo } from '../onnx-build.ts';
import { crossNames } from './cross-names.ts';
import type { WhisperLayout } from './layout.ts';

/** Inputs of the graph; `rows` is the batch. */
export const LOOP_INPUTS = {
  /** int64 [rows, prompt] */
  ids: 'input_ids',
  /** float32 [rows, frames, d]; in 8 bits there are keys and values instead: `crossNames`. */
  encoding: 'encoder_hidden_states',
  /** int64 [2]: where the prompt's `<|startoftranscript|>` and its last token are. */
  positions: 'positions',
  /** int64 []: tokens to write after the first one, at most. */
  steps: 'steps',
  /** float32 [1, vocab]: added to the logits of the first, and of all other tokens. */
  firstBias: 'first_bias',
  bias: 'bias',
  /** bool [1, 1] */
  timestamps: 'timestamps',
  /** int64 [1, 1]: the first token's timestamp is below this one. */
  firstLimit: 'first_limit',
  /** bool [1, 1]: the prompt ends with tokens written before, after which the three below hold. */
  continuing: 'continuing',
  /** int64, bool, int64 [rows, 1]: see `RuleState`. */
  lastToken: 'last_token',
  oneBeforeIsTime: 'one_before_is_time',
  lastTime: 'last_time',
  /** bool []: tokens are drawn, at `temperature` float32 [1, 1], by `draws` float32 [steps + 1, rows] in [0, 1). */
  sampling: 'sampling',
  temperature: 'temperature',
  draws: 'draws',
  /** int64 [1]: positions of the prompt whose attention is wanted; in graphs that give it. */
  attended: 'attended',
} as const;

export const LOOP_OUTPUTS = {
  /** [rows, 1] */
  firstToken: 'first_token',
  firstLogprob: 'first_logprob',
  /** [steps made, rows, 1]; the end token goes on where a row is done. */
  tokens: 'tokens',
  logprobs: 'logprobs',
  /** [rows, vocab] at `<|startoftranscript|>` */
  startLogits: 'start_logits',
  /** [rows, alignment heads, attended, frames] */
  alignment: 'alignment',
} as const;

/** What the graph attends to: the encoder's output, or the keys and values made of it beforehand. */
function crossInputs({ dModel, layers, heads, headDim }: WhisperLayout, stored: boolean): Uint8Array[] {
  const { float32, int8, uint8 } = ELEMENT;
  if (!stored) return [valueInfo(LOOP_INPUTS.encoding, float32, ['rows', 'frames', dModel])];
  return Array.from({ length: layers }, (_, layer) => {
    const { key, keyScale, value, valueScale } = crossNames(layer);
    return [
      valueInfo(key, uint8, ['rows', heads, 'frames', headDim]),
      valueInfo(keyScale, float32, ['rows', heads, 1, headDim]),
      valueInfo(value, int8, ['rows', heads, 'frames', headDim]),
      valueInfo(valueScale, float32, ['rows', heads, 1, headDim]),
    ];
  }).flat();
}

export function graphInputs(layout: WhisperLayout, storedCross: boolean): Uint8Array[] {
  const { vocab, hasCrossAttentions } = layout;
  const { int64, float32, bool } = ELEMENT;
  return [
    valueInfo(LOOP_INPUTS.ids, int64, ['rows', 'prompt']),
    ...crossInputs(layout, storedCross),
    valueInfo(LOOP_INPUTS.positions, int64, [2]),
    valueInfo(LOOP_INPUTS.steps, int64, []),
    valueInfo(LOOP_INPUTS.firstBias, float32, [1, vocab]),
    valueInfo(LOOP_INPUTS.bias, float32, [1, vocab]),
    valueInfo(LOOP_INPUTS.timestamps, bool, [1, 1]),
    valueInfo(LOOP_INPUTS.firstLimit, int64, [1, 1]),
    valueInfo(LOOP_INPUTS.continuing, bool, [1, 1]),
    valueInfo(LOOP_INPUTS.lastToken, int64, ['rows', 1]),
    valueInfo(LOOP_INPUTS.oneBeforeIsTime, bool, ['rows', 1]),
    valueInfo(LOOP_INPUTS.lastTime, int64, ['rows', 1]),
    valueInfo(LOOP_INPUTS.sampling, bool, []),
    valueInfo(LOOP_INPUTS.temperature, float32, [1, 1]),
    valueInfo(LOOP_INPUTS.draws, float32, ['draws', 'rows']),
    ...(hasCrossAttentions ? [valueInfo(LOOP_INPUTS.attended, int64, [1])] : []),
  ];
}

export function graphOutputs({ vocab, hasCrossAttentions, alignmentHeads }: WhisperLayout): Uint8Array[] {
  const { int64, float32 } = ELEMENT;
  return [
    valueInfo(LOOP_OUTPUTS.firstToken, int64, ['rows', 1]),
    valueInfo(LOOP_OUTPUTS.firstLogprob, float32, ['rows', 1]),
    valueInfo(LOOP_OUTPUTS.tokens, int64, ['made', 'rows', 1]),
    valueInfo(LOOP_OUTPUTS.logprobs, float32, ['made', 'rows', 1]),
    valueInfo(LOOP_OUTPUTS.startLogits, float32, ['rows', vocab]),
    ...(hasCrossAttentions
      ? [valueInfo(LOOP_OUTPUTS.alignment, float32, ['rows', alignmentHeads.length, 'attended', 'audio_frames'])]
      : []),
  ];
}
