/** A transcript and a diarization of the same audio → who said what. */
import { type Attributed, smoothSpeakers } from './smooth-speakers.ts';
import type { Timed, TimedWord, Turn } from './turn.ts';

/** Who an utterance is given to. */
export type Spoken<T> = T & { speaker: string };

export interface SpeakerSegment<W extends TimedWord> extends Turn {
  text: string;
  words: Spoken<W>[];
}

/** How far from the nearest turn something may lie and still be its speaker's (seconds): word times err by about as much. */
const TOLERANCE = 0.5;

/**
 * Each word's speaker: who speaks for most of it; where nobody does, the nearest turn's within half a second, else the
 * previous word's; then single words and the edges of sentences are mended (`smoothSpeakers`). The first words, with
 * nobody before, are the nearest turn's at any distance.
 * @param words in the order of the text.
 * @param turns exclusive ones fit best: nobody speaks beside another. Any order.
 * @param nobody the speaker of all words when there is no turn at all.
 */
export function assignSpeakers<W extends TimedWord>(
  words: readonly W[],
  turns: readonly Turn[],
  nobody: string,
): Spoken<W>[] {
  return smoothSpeakers(attribute(words, turns, nobody)).map(({ item, speaker }) => ({ ...item, speaker }));
}

/** For transcripts without words: each segment's speaker, found as a word's is, without mending. */
export function assignSegmentSpeakers<S extends Timed>(
  segments: readonly S[],
  turns: readonly Turn[],
  nobody: string,
): Spoken<S>[] {
  return attribute(segments, turns, nobody).map(({ item, speaker }) => ({ ...item, speaker }));
}

/**
 * Neighbouring words of one speaker as one segment. The segments' texts joined are `text`, character for character:
 * what stands between two words (a space as a rule) is at the start of the later one's, what no word tells is its
 * neighbour's. No words → no segments.
 * @param text what the words were taken from: all of a transcript, or one of its segments.
 */
export function groupBySpeaker<W extends TimedWord>(words: readonly Spoken<W>[], text: string): SpeakerSegment<W>[] {
  const segments: SpeakerSegment<W>[] = [];
  let position = 0;
  let begin = 0;
  for (const word of words) {
    const written = word.word.trim();
    const found = text.indexOf(written, position);
    const at = found < 0 ? position : found;
    const last = segments.at(-1);
    if (last?.speaker === word.speaker) {
      last.words.push(word);
      last.end = Math.max(last.end, word.end);
    } else {
      if (last !== undefined) {
        const cut = position + text.slice(position, at).search(/\s*$/);
        last.text = text.slice(begin, cut);
        begin = cut;
      }
      segments.push({ start: word.start, end: word.end, speaker: word.speaker, text: '', words: [word] });
    }
    if (found >= 0) position = found + written.length;
  }
  const last = segments.at(-1);
  if (last !== undefined) last.text = text.slice(begin);
  return segments;
}

function attribute<T extends Timed>(items: readonly T[], turns: readonly Turn[], nobody: string): Attributed<T>[] {
  const near = turnIndex(turns);
  let previous: string | undefined;
  return items.map((item) => {
    const candidates = near(item.start - TOLERANCE, item.end + TOLERANCE);
    const overlaps = overlapsWith(item, candidates);
    const speaker =
      most(overlaps, previous) ??
      nearest(item, candidates, previous) ??
      previous ??
      nearest(item, turns, undefined) ??
      nobody;
    previous = speaker;
    return { item, speaker, overlaps };
  });
}

function overlapsWith(item: Timed, turns: readonly Turn[]): Map<string, number> {
  const overlaps = new Map<string, number>();
  for (const { start, end, speaker } of turns) {
    const seconds = Math.min(item.end, end) - Math.max(item.start, start);
    if (seconds > 0) overlaps.set(speaker, (overlaps.get(speaker) ?? 0) + seconds);
  }
  return overlaps;
}

/** The speaker of the most seconds. Of equals the preferred one, else the first. */
function most(overlaps: ReadonlyMap<string, number>, preferred: string | undefined): string | undefined {
  const longest = Math.max(...overlaps.values());
  if (preferred !== undefined && overlaps.get(preferred) === longest) return preferred;
  return [...overlaps].find(([, seconds]) => seconds === longest)?.[0];
}

/** The speaker of the turn at the least distance. Of equals the preferred one, else the first. */
function nearest(item: Timed, turns: readonly Turn[], preferred: string | undefined): string | undefined {
  const distances = turns.map(({ start, end }) => Math.max(0, start - item.end, item.start - end));
  const least = distances.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const closest = turns.filter((_, i) => distances[i] === least);
  return (closest.find(({ speaker }) => speaker === preferred) ?? closest[0])?.speaker;
}

/** → the turns that touch a span of time, by their start, without looking at all of them. */
function turnIndex(turns: readonly Turn[]): (from: number, to: number) => Turn[] {
  const sorted = turns.toSorted((a, b) => a.start - b.start);
  let latest = Number.NEGATIVE_INFINITY;
  /** Latest end up to each turn: never falls, even where turns overlap. */
  const ends = sorted.map(({ end }) => {
    latest = Math.max(latest, end);
    return latest;
  });
  return (from, to) => {
    const touching: Turn[] = [];
    for (let i = firstAtLeast(ends, from); i < sorted.length; i += 1) {
      const turn = sorted[i];
      if (turn === undefined || turn.start > to) break;
      if (turn.end >= from) touching.push(turn);
    }
    return touching;
  };
}

/** Index of the first of rising values that is not below `least`. */
function firstAtLeast(values: readonly number[], least: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? Number.POSITIVE_INFINITY) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
