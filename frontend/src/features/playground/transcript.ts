/** A result as the page shows it: lines, and in them the pieces of text that a click seeks to. */
import type { TranscriptWord } from '@contract/transcription.ts';

/** A word with what stands around it; a whole line where word times are not known. Times in seconds. */
export interface Piece {
  /** Among those of all lines. */
  index: number;
  /** All pieces of a line joined are its text. */
  text: string;
  start: number;
  end: number;
}

export interface Line {
  start: number;
  end: number;
  speaker?: string | undefined;
  /** Why the text may be made up. */
  risk: readonly string[];
  pieces: readonly Piece[];
}

export interface Transcript {
  lines: readonly Line[];
  /** Of the lines. */
  lineStarts: readonly number[];
  /** Of all pieces, in order. */
  starts: readonly number[];
  ends: readonly number[];
  hasWords: boolean;
}

export interface SegmentLike {
  start: number;
  end: number;
  text: string;
  speaker?: string | undefined;
  risk?: readonly string[] | undefined;
}

/** Seconds of silence after which a new line begins. */
const PAUSE = 1;
const MAX_LINE_WORDS = 30;
const SENTENCE_END = /[.!?…。！？]["”’»)\]]*\s*$/;
/** What stands before a word's piece of text but belongs to it. */
const OPENING = /(?<=\s)["“‘«([¿¡]+$/;

/** Of an answer that was asked for words only: a line ends with a sentence, before a pause and where somebody else speaks. */
export function linesOfWords(text: string, words: readonly TranscriptWord[]): SegmentLike[] {
  const lines: SegmentLike[] = [];
  let count = 0;
  for (const [index, { text: said, start, end }] of piecesOf({ start: 0, end: 0, text }, words).entries()) {
    const speaker = words[index]?.speaker;
    const before = words[index - 1];
    const line = lines.at(-1);
    const ends =
      before !== undefined &&
      // A word is sought by its middle: one without length must not end up in the next line.
      start > (before.start + before.end) / 2 &&
      (count >= MAX_LINE_WORDS ||
        start - before.end >= PAUSE ||
        speaker !== before.speaker ||
        SENTENCE_END.test(line?.text.replace(OPENING, '') ?? ''));
    if (line === undefined || ends) {
      const opening = OPENING.exec(line?.text ?? '')?.[0] ?? '';
      if (line !== undefined) line.text = line.text.slice(0, line.text.length - opening.length);
      lines.push({ start, end, text: opening + said, speaker });
      count = 1;
    } else {
      line.text += said;
      line.end = end;
      count += 1;
    }
  }
  return words.length === 0 ? [] : lines;
}

export function transcriptOf(segments: readonly SegmentLike[], words: readonly TranscriptWord[] = []): Transcript {
  const perSegment = wordsOfSegments(segments, words);
  const lines: Line[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  for (const [index, segment] of segments.entries()) {
    const first = starts.length;
    const pieces = piecesOf(segment, perSegment[index] ?? []).map((piece, at) => ({ ...piece, index: first + at }));
    const { start, end, speaker, risk = [] } = segment;
    lines.push({ start, end, speaker, risk, pieces });
    for (const piece of pieces) {
      starts.push(piece.start);
      ends.push(piece.end);
    }
  }
  return { lines, lineStarts: lines.map(({ start }) => start), starts, ends, hasWords: words.length > 0 };
}

/** Each word goes to the segment around its middle, else to the last one that began before. */
function wordsOfSegments(segments: readonly SegmentLike[], words: readonly TranscriptWord[]): TranscriptWord[][] {
  const lists: TranscriptWord[][] = segments.map(() => []);
  let at = 0;
  for (const word of words) {
    const middle = (word.start + word.end) / 2;
    while (at + 1 < segments.length && (segments[at + 1]?.start ?? 0) <= middle) at += 1;
    lists[at]?.push(word);
  }
  return lists;
}

/** The segment's own text cut before each word, so that punctuation stays; else the words with spaces. */
function piecesOf({ start, end, text }: SegmentLike, words: readonly TranscriptWord[]): Omit<Piece, 'index'>[] {
  const whole = text.trim();
  if (words.length === 0) return [{ text: whole, start, end }];
  const lower = whole.toLowerCase();
  const cuts: number[] = [];
  let from = 0;
  for (const { word } of words) {
    const wanted = word.trim().toLowerCase();
    const found = lower.indexOf(wanted, from);
    // Lower case may be longer than upper case (İ): then places do not correspond.
    if (found === -1 || lower.length !== whole.length) return spaced(words);
    cuts.push(found);
    from = found + wanted.length;
  }
  return words.map((word, index) => ({
    text: whole.slice(index === 0 ? 0 : cuts[index], cuts[index + 1] ?? whole.length),
    start: word.start,
    end: word.end,
  }));
}

function spaced(words: readonly TranscriptWord[]): Omit<Piece, 'index'>[] {
  return words.map(({ word, start, end }, index) => ({
    text: word.trim() + (index + 1 < words.length ? ' ' : ''),
    start,
    end,
  }));
}

/** Index of the last that begins at or before the time; −1 before the first. Binary: some 14 steps in 9000 words. */
export function lastStarted(starts: readonly number[], time: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] ?? Number.POSITIVE_INFINITY) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Index of the piece that is being said; −1 in a pause. */
export function activePiece({ starts, ends }: Pick<Transcript, 'starts' | 'ends'>, time: number): number {
  const index = lastStarted(starts, time);
  return index >= 0 && time < (ends[index] ?? 0) ? index : -1;
}
