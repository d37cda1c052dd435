/** Which tokens may come next (openai/whisper, decoding.py: `SuppressBlank`, `SuppressTokens`, `ApplyTimestampRules`). */
import type { WhisperLayout } from './layout.ts';

export interface TokenRules {
  eot: number;
  noTimestamps: number;
  timestampBegin: number;
  suppress: readonly number[];
  beginSuppress: readonly number[];
  timestamps: boolean;
  maxInitialTimestampIndex: number | undefined;
}

export function tokenRules(
  { tokens, suppress, beginSuppress, maxInitialTimestampIndex }: WhisperLayout,
  request: { timestamps: boolean; suppress?: readonly number[]; beginSuppress?: readonly number[] },
): TokenRules {
  return {
    eot: tokens.eot,
    noTimestamps: tokens.noTimestamps,
    timestampBegin: tokens.timestampBegin,
    suppress: request.suppress ?? suppress,
    beginSuppress: request.beginSuppress ?? beginSuppress,
    timestamps: request.timestamps,
    maxInitialTimestampIndex,
  };
}

/** Forbids in place, by −∞: `logits` [vocab] follow `written`, the tokens behind the prompt. */
export function applyRules(rules: TokenRules, written: readonly number[], logits: Float32Array): void {
  for (const token of rules.suppress) logits[token] = Number.NEGATIVE_INFINITY;
  if (written.length === 0) for (const token of rules.beginSuppress) logits[token] = Number.NEGATIVE_INFINITY;
  if (!rules.timestamps) return;
  logits[rules.noTimestamps] = Number.NEGATIVE_INFINITY;
  if (written.length === 0) limitFirst(rules, logits);
  else limitTimestamps(rules, written, logits);
  preferTimestamps(rules.timestampBegin, logits);
}

/** The first token is a timestamp, and an early one. */
function limitFirst({ timestampBegin, maxInitialTimestampIndex }: TokenRules, logits: Float32Array): void {
  logits.fill(Number.NEGATIVE_INFINITY, 0, timestampBegin);
  if (maxInitialTimestampIndex === undefined) return;
  logits.fill(Number.NEGATIVE_INFINITY, timestampBegin + maxInitialTimestampIndex + 1);
}

/** Timestamps come in pairs, except before the end, and never go back. */
function limitTimestamps({ eot, timestampBegin }: TokenRules, written: readonly number[], logits: Float32Array): void {
  const isTimestamp = (token: number | undefined) => token !== undefined && token >= timestampBegin;
  const lastIs = isTimestamp(written.at(-1));
  const oneBeforeIs = written.length < 2 || isTimestamp(written.at(-2));
  if (lastIs && oneBeforeIs) logits.fill(Number.NEGATIVE_INFINITY, timestampBegin);
  if (lastIs && !oneBeforeIs) logits.fill(Number.NEGATIVE_INFINITY, 0, eot);
  const last = written.findLast(isTimestamp);
  if (last === undefined) return;
  // A pair may share its time with the pair before; a segment may not end where it began.
  logits.fill(Number.NEGATIVE_INFINITY, timestampBegin, lastIs && !oneBeforeIs ? last : last + 1);
}

/** If all timestamps together are likelier than each other token, one of them it is. */
function preferTimestamps(timestampBegin: number, logits: Float32Array): void {
  const text = logits.subarray(0, timestampBegin);
  if (logSumExp(logits.subarray(timestampBegin)) > largest(text)) text.fill(Number.NEGATIVE_INFINITY);
}

export function largest(values: Float32Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > top) top = value;
  return top;
}

/** −∞ for a row of which all is forbidden. */
export function logSumExp(values: Float32Array): number {
  const top = largest(values);
  if (top === Number.NEGATIVE_INFINITY) return top;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - top);
  return top + Math.log(sum);
}
