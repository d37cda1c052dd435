/**
 * Where a turn's boundary misses a word's by little, words are given back to whom they belong. In the spirit of
 * whisper-diarization, which gives a whole sentence to most of its words' speaker, but only where times could have erred: no
 * remark of its own is taken from anybody.
 */
import type { TimedWord } from './turn.ts';

/** Something with its speaker, and how sure that is. */
export interface Attributed<T> {
  item: T;
  speaker: string;
  /** Seconds of it in which each speaker speaks; who speaks in none is not there. */
  overlaps: ReadonlyMap<string, number>;
}

type Word = Attributed<TimedWord>;

/** What a boundary may be off by, and the longest word that flips (seconds). */
const SLACK = 0.5;
/** Silence between words from which on they are said apart (seconds). */
const PAUSE = 0.3;
/** A word is another's for certain from this lead over the neighbours' speaker on, as a share of its length. */
const CERTAIN = 0.5;
/** Most words that move over the edge of a sentence. */
const MOVED_WORDS = 2;
/** Without punctuation a "sentence" of more words tells nothing. */
const LONGEST_SENTENCE = 50;

const SENTENCE_END = /[.?!…。？！]["'”’»)\]]*\s*$/;

/** @param words in order. Returns them with their speakers mended; times and order stay. */
export function smoothSpeakers<W extends TimedWord>(words: readonly Attributed<W>[]): Attributed<W>[] {
  const mended = words.map((word) => ({ ...word }));
  returnSingleWords(mended);
  moveToSentences(mended);
  return mended;
}

/**
 * A single short word between two of another speaker, without a pause on either side, that is not a sentence of its
 * own and is its speaker's by a narrow lead alone, is the other's. In place.
 */
function returnSingleWords(words: Word[]): void {
  for (let i = 1; i < words.length - 1; i += 1) {
    const [before, word, behind] = words.slice(i - 1, i + 2);
    if (before === undefined || word === undefined || behind === undefined) return;
    const around = before.speaker;
    if (word.speaker === around || behind.speaker !== around) continue;
    if (isPause(before, word) || isPause(word, behind)) continue;
    if (endsSentence(before) && endsSentence(word)) continue;
    const seconds = duration(word);
    const lead = (word.overlaps.get(word.speaker) ?? 0) - (word.overlaps.get(around) ?? 0);
    if (seconds <= SLACK && lead < CERTAIN * seconds + Number.EPSILON) word.speaker = around;
  }
}

/**
 * A change of speakers one or two words away from the edge of a sentence is moved to that edge, when these words last
 * no longer than times err, no pause parts them from their sentence, and most of its words are one speaker's. In place.
 */
function moveToSentences(words: Word[]): void {
  let from = 0;
  for (const [i, word] of words.entries()) {
    if (!endsSentence(word)) continue;
    const sentence = words.slice(from, i + 1);
    const speaker = majority(sentence);
    if (sentence.length <= LONGEST_SENTENCE && speaker !== undefined) {
      moveEdge(sentence, words[from - 1], speaker);
      moveEdge(sentence.toReversed(), words[i + 1], speaker);
    }
    from = i + 1;
  }
}

/** @param sentence from the edge inwards; `neighbor` is beyond that edge. */
function moveEdge(sentence: readonly Word[], neighbor: Word | undefined, speaker: string): void {
  const length = sentence.findIndex((word) => word.speaker === speaker);
  const astray = sentence.slice(0, length);
  const [outermost] = astray;
  const innermost = astray.at(-1);
  const inner = sentence[length];
  if (outermost === undefined || innermost === undefined || inner === undefined || length > MOVED_WORDS) return;
  // Otherwise these words are somebody's own remark, not the tail or the head of what stands beyond the edge.
  if (neighbor === undefined || astray.some((word) => word.speaker !== neighbor.speaker)) return;
  const [first, last] = outermost.item.start <= innermost.item.start ? [outermost, innermost] : [innermost, outermost];
  if (last.item.end - first.item.start > SLACK) return;
  if (inner.item.start < first.item.start ? isPause(inner, first) : isPause(last, inner)) return;
  for (const word of astray) word.speaker = speaker;
}

/** The speaker of more than half of the words. */
function majority(words: readonly Word[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { speaker } of words) counts.set(speaker, (counts.get(speaker) ?? 0) + 1);
  return [...counts].find(([, count]) => count > words.length / 2)?.[0];
}

function endsSentence({ item }: Word): boolean {
  return SENTENCE_END.test(item.word);
}

function isPause(before: Word, behind: Word): boolean {
  return behind.item.start - before.item.end > PAUSE;
}

function duration({ item }: Word): number {
  return item.end - item.start;
}
