/** Words of a window's segments and when they were spoken (openai/whisper, timing.py: add_word_timestamps). */
import type { SpeechSegment } from '../../audio/vad.ts';
import type { TranscriptSegment, TranscriptWord } from '../../contract/transcription.ts';
import { type AttentionWeights, cropAttention, tokenFrames } from './alignment.ts';
import { TIMESTAMP_SECONDS } from './segments.ts';
import type { WordTokens } from './split-words.ts';
import type { WhisperTokenizer } from './tokenizer.ts';

export interface TimedWord extends WordTokens {
  /** Seconds from the start of the window. */
  start: number;
  end: number;
}

/** Punctuation that belongs to the word behind it, and to the one before. */
const PREPENDED = '"\'“¿([{-';
const APPENDED = '"\'.。,，!！?？:：”)]}、';
const SENTENCE_ENDS = '.。!！?？';
/** A word's median length counts for no more than this (seconds). */
const LONGEST_MEDIAN = 0.7;

/**
 * `weights` [alignment heads, prefix + text + 1, frames] of a run over a prefix that ends in `<|notimestamps|>`, the
 * text tokens of `words`, and the end token. `seconds` is the length of the window's audio.
 */
export function alignWords(
  words: readonly WordTokens[],
  weights: AttentionWeights,
  prefix: number,
  seconds: number,
): TimedWord[] {
  if (words.length === 0) return [];
  const cropped = cropAttention(weights, Math.max(1, Math.floor(seconds / TIMESTAMP_SECONDS)));
  // A row predicts the token behind it: from `<|notimestamps|>` to the last text token.
  const frames = tokenFrames(cropped, prefix - 1, weights.tokens - 1);
  let at = 0;
  return words.map(({ word, tokens }) => {
    const start = (frames[at] ?? 0) * TIMESTAMP_SECONDS;
    at += tokens.length;
    return { word, tokens: [...tokens], start, end: (frames[at] ?? cropped.frames) * TIMESTAMP_SECONDS };
  });
}

/** Punctuation joins its word, whose times stay. */
export function mergePunctuation(timed: readonly TimedWord[]): TimedWord[] {
  const words: TimedWord[] = timed.map((word) => ({ ...word, tokens: [...word.tokens] }));
  for (let following = words.length - 1, i = words.length - 2; i >= 0; i -= 1) {
    const previous = words[i];
    const next = words[following];
    if (previous === undefined || next === undefined) break;
    if (previous.word.startsWith(' ') && PREPENDED.includes(previous.word.trim())) absorb(next, previous, 'before');
    else following = i;
  }
  for (let previous = 0, j = 1; j < words.length; j += 1) {
    const last = words[previous];
    const next = words[j];
    if (last === undefined || next === undefined) break;
    if (!last.word.endsWith(' ') && APPENDED.includes(next.word)) absorb(last, next, 'behind');
    else previous = j;
  }
  return words.filter(({ word }) => word !== '');
}

function absorb(word: TimedWord, punctuation: TimedWord, side: 'before' | 'behind'): void {
  const [left, right] = side === 'before' ? [punctuation, word] : [word, punctuation];
  const joined = { word: left.word + right.word, tokens: [...left.tokens, ...right.tokens] };
  Object.assign(word, joined);
  Object.assign(punctuation, { word: '', tokens: [] });
}

/** Half of a word's reasonable length: the median of all that have one. */
function medianDuration(words: readonly TimedWord[]): number {
  const durations = words.map(({ start, end }) => end - start).filter((duration) => duration > 0);
  const sorted = durations.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle - 1)] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
  return Math.min(LONGEST_MEDIAN, median);
}

/** Attention lingers at the ends of sentences: words there are cut to a reasonable length. In place. */
function truncateAtSentences(words: readonly TimedWord[], longest: number): void {
  for (const [i, word] of words.entries()) {
    const previous = words[i - 1];
    if (previous === undefined || word.end - word.start <= longest) continue;
    if (SENTENCE_ENDS.includes(word.word)) word.end = word.start + longest;
    else if (SENTENCE_ENDS.includes(previous.word)) word.start = word.end - longest;
  }
}

export interface WordTimesInput {
  /** Segments of one window, whose times are drawn to their words' in place. */
  segments: readonly TranscriptSegment[];
  /** The segments' words in order, timed; punctuation apart. */
  timed: readonly TimedWord[];
  window: { start: number; end: number; speech: readonly SpeechSegment[] };
  tokenizer: Pick<WhisperTokenizer, 'eot'>;
  /** End of the last word before this window, in seconds from the start of the file. */
  lastSpeechEnd: number;
}

/** The words in order, in seconds from the start of the file, monotonic and within speech where there is any. */
export function placeWords({ segments, timed, window, tokenizer, lastSpeechEnd }: WordTimesInput): TranscriptWord[] {
  const median = medianDuration(timed);
  const aligned = timed.map((word) => ({ ...word }));
  if (median > 0) truncateAtSentences(aligned, 2 * median);
  const merged = mergePunctuation(aligned);
  const placed: TranscriptWord[] = [];
  let next = 0;
  let spokenUntil = lastSpeechEnd;
  for (const segment of segments) {
    const wanted = segment.tokens.filter((token) => token < tokenizer.eot).length;
    const words: TimedWord[] = [];
    for (let taken = 0; taken < wanted && next < merged.length; next += 1) {
      const word = merged[next] as TimedWord;
      taken += word.tokens.length;
      words.push({ ...word, start: window.start + word.start, end: window.start + word.end });
    }
    fitToSegment(words, segment, median, spokenUntil);
    clampToSpeech(words, window, placed.at(-1)?.end ?? window.start);
    const [first] = words;
    const last = words.at(-1);
    if (first !== undefined && last !== undefined) {
      segment.start = first.start;
      segment.end = last.end;
      spokenUntil = last.end;
    }
    placed.push(...words.map(spelled).filter(({ word }) => word !== ''));
  }
  return placed;
}

/** The segment's own timestamps against its first and last word's, as the reference weighs them. In place. */
function fitToSegment(
  words: readonly TimedWord[],
  segment: TranscriptSegment,
  median: number,
  spokenUntil: number,
): void {
  const longest = 2 * median;
  const [first, second] = words;
  const last = words.at(-1);
  if (first === undefined || last === undefined) return;
  const late = first.end - spokenUntil > 4 * median;
  const drawnOut =
    first.end - first.start > longest || (second !== undefined && second.end - first.start > 2 * longest);
  if (late && drawnOut) {
    if (second !== undefined && second.end - second.start > longest) {
      const boundary = Math.max(second.end / 2, second.end - longest);
      first.end = boundary;
      second.start = boundary;
    }
    first.start = Math.max(0, first.end - longest);
  }
  if (segment.start < first.end && segment.start - 0.5 > first.start) {
    first.start = Math.max(0, Math.min(first.end - median, segment.start));
  }
  if (segment.end > last.start && segment.end + 0.5 < last.end) {
    last.end = Math.max(last.start + median, segment.end);
  }
}

/** Each word after the one before, its ends drawn out of silence into the speech it touches. In place. */
function clampToSpeech(
  words: readonly TimedWord[],
  window: { start: number; end: number; speech: readonly SpeechSegment[] },
  after: number,
): void {
  let previousEnd = after;
  for (const word of words) {
    const touched = window.speech.filter(({ start, end }) => start < word.end && end > word.start);
    const from = Math.max(word.start, touched[0]?.start ?? word.start);
    const to = Math.min(word.end, touched.at(-1)?.end ?? word.end);
    word.start = hundredths(Math.min(Math.max(from, previousEnd), window.end));
    word.end = hundredths(Math.min(Math.max(to, word.start), window.end));
    previousEnd = word.end;
  }
}

/** As the API spells words: no spaces, no punctuation around them. */
function spelled({ word, start, end }: TimedWord): TranscriptWord {
  return { word: word.trim().replace(/^\p{P}+|[\p{P}--[%‰]]+$/gv, ''), start, end };
}

function hundredths(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
