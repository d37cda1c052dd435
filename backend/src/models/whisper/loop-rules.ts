/** The choice of a token, as nodes of a graph. The rules are `token-rules.ts`'s; all values are [rows, 1] unless said. */

import { ELEMENT, type GraphWriter } from '../onnx-build.ts';
import type { WhisperLayout } from './layout.ts';
import { type Chosen, drawInGraph, type Sampling } from './loop-sampling.ts';

/** Instead of −∞, whose differences would be NaN: no logit of a model comes near. */
export const FORBIDDEN = -1e30;

export interface Choice {
  /** [rows, vocab] float32, what is suppressed already made `FORBIDDEN`. */
  scores: string;
  /** [rows | 1, 1] bool: no text below the end token. */
  noText: string;
  /** As above, for the special tokens from the end token on, which it leaves possible otherwise. */
  noSpecial: string | undefined;
  /** [rows | 1, timestamps] bool: those that may come. */
  allowedTimestamps: string;
  /** [1, 1] bool: the timestamp rules hold. */
  timestamps: string;
  sampling: Sampling;
}

interface Part {
  best: string;
  top: string;
  logSum: string;
}

/**
 * Three stretches of the vocabulary (text, special tokens, timestamps) are searched one by one: rules that forbid one
 * altogether then cost nothing.
 */
export function chooseInGraph(writer: GraphWriter, { tokens, vocab }: WhisperLayout, choice: Choice): Chosen {
  const { op, opMany, int64, float32 } = writer;
  const { eot, timestampBegin } = tokens;
  const sizes = int64([eot, timestampBegin - eot, vocab - timestampBegin], [3]);
  const [text = '', special = '', times = ''] = opMany('Split', [choice.scores, sizes], 3, { axis: 1 });
  const forbidden = float32(FORBIDDEN);
  const textPart = masked(writer, searched(writer, text, 0), choice.noText);
  const specialPart =
    choice.noSpecial === undefined
      ? searched(writer, special, eot)
      : masked(writer, searched(writer, special, eot), choice.noSpecial);
  const allowed = op('Where', [choice.allowedTimestamps, times, forbidden]);
  const timePart = searched(writer, allowed, timestampBegin);

  const isSpecial = op('Greater', [specialPart.top, textPart.top]);
  const best = op('Where', [isSpecial, specialPart.best, textPart.best]);
  const top = op('Where', [isSpecial, specialPart.top, textPart.top]);
  const wordSum = addLogs(writer, textPart.logSum, specialPart.logSum);
  // With the rules, timestamps win together; without them, each stands for itself.
  const weight = op('Where', [choice.timestamps, timePart.logSum, timePart.top]);
  const isTime = op('Greater', [weight, top]);
  const onlyTimes = op('And', [isTime, choice.timestamps]);
  const logSum = op('Where', [onlyTimes, timePart.logSum, addLogs(writer, wordSum, timePart.logSum)]);
  const largest = op('Where', [isTime, timePart.top, top]);
  const greedy = {
    token: op('Where', [isTime, timePart.best, best]),
    logprob: op('Sub', [largest, logSum]),
  };
  const parts = [
    { scores: text, excluded: op('Or', [choice.noText, onlyTimes]) },
    { scores: special, excluded: choice.noSpecial === undefined ? onlyTimes : op('Or', [choice.noSpecial, onlyTimes]) },
    { scores: allowed, excluded: undefined },
  ];
  return drawInGraph(writer, vocab, choice.sampling, { parts, logSum, greedy });
}

/** Of `scores` [rows, size], whose first token has the id `first`. */
function searched({ op, int64 }: GraphWriter, scores: string, first: number): Part {
  const index = op('ArgMax', [scores], { axis: 1, keepdims: 1 });
  const top = op('GatherElements', [scores, index], { axis: 1 });
  const powers = op('Exp', [op('Sub', [scores, top])]);
  const sum = op('ReduceSum', [powers, int64([1], [1])], { keepdims: 1 });
  const logSum = op('Add', [top, op('Log', [sum])]);
  return { best: first === 0 ? index : op('Add', [index, int64([first])]), top, logSum };
}

function masked({ op, float32 }: GraphWriter, { best, top, logSum }: Part, where: string): Part {
  const forbidden = float32(FORBIDDEN);
  return { best, top: op('Where', [where, forbidden, top]), logSum: op('Where', [where, forbidden, logSum]) };
}

/** log(eᵃ + eᵇ) */
function addLogs({ op }: GraphWriter, a: string, b: string): string {
  const larger = op('Max', [a, b]);
  const sum = op('Add', [op('Exp', [op('Sub', [a, larger])]), op('Exp', [op('Sub', [b, larger])])]);
  return op('Add', [larger, op('Log', [sum])]);
}

/** [1, timestamps] int64: the timestamps' ids. */
export function timestampIds({ op, int64 }: GraphWriter, { tokens, vocab }: WhisperLayout): string {
  const ids = op('Range', [int64([tokens.timestampBegin]), int64([vocab]), int64([1])]);
  return op('Unsqueeze', [ids, int64([0], [1])]);
}

/** What the rules remember of the tokens written. */
export interface RuleState {
  /** The last token. */
  token: string;
  /** bool: the one before was a timestamp, or there was none. */
  oneBeforeIsTime: string;
  /** The last timestamp; one below the first if there was none. */
  lastTime: string;
}

export interface NextChoice extends Pick<Choice, 'scores' | 'timestamps' | 'sampling'> {
  /** From `timestampIds`. */
  ids: string;
  state: RuleState;
}

/** The token after `state` */
export function chooseNext(
  writer: GraphWriter,
  layout: WhisperLayout,
  { scores, timestamps, ids, sampling, state }: NextChoice,
): Chosen & { lastIsTime: string } {
  const { noText, allowedTimestamps, lastIsTime } = rulesAfter(writer, layout, { state, timestamps, ids });
  const chosen = chooseInGraph(writer, layout, {
    scores,
    noText,
    noSpecial: undefined,
    allowedTimestamps,
    timestamps,
    sampling,
  });
  return { ...chosen, lastIsTime };
}

/** What the tokens of `state` leave possible. */
export function rulesAfter(
  writer: GraphWriter,
  layout: WhisperLayout,
  { state, timestamps, ids }: Pick<NextChoice, 'state' | 'timestamps' | 'ids'>,
): Pick<Choice, 'noText' | 'allowedTimestamps'> & { lastIsTime: string } {
  const { op, int64 } = writer;
  const lastIsTime = isTimestamp(writer, layout, state.token);
  const inPair = op('And', [lastIsTime, op('Not', [state.oneBeforeIsTime])]);
  const pairDone = op('And', [lastIsTime, state.oneBeforeIsTime]);
  const after = op('Add', [state.lastTime, int64([1])]);
  const soonest = op('Where', [inPair, state.lastTime, after]);
  const ruled = op('Where', [pairDone, int64([layout.vocab]), soonest]);
  const from = op('Where', [timestamps, ruled, int64([0])]);
  return {
    noText: op('And', [inPair, timestamps]),
    allowedTimestamps: op('GreaterOrEqual', [ids, from]),
    lastIsTime,
  };
}

export function isTimestamp({ op, int64 }: GraphWriter, { tokens }: WhisperLayout, token: string): string {
  return op('GreaterOrEqual', [token, int64([tokens.timestampBegin])]);
}

/** `condition` → 1 or 0 as float32. */
export function asNumber({ op }: GraphWriter, condition: string): string {
  return op('Cast', [condition], { to: ELEMENT.float32 });
}
