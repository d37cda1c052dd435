/** A transcript with word times → lyrics whose words light up as they are sung: enhanced LRC, and WebVTT. */
import { findWords } from './find-words.ts';
import { escapeVtt, timestamp, toVtt } from './subtitles.ts';

interface Timed {
  /** Seconds from the start of the file. */
  start: number;
  end: number;
}

export interface LyricLine extends Timed {
  /** Together the line: each with what follows it in the text, a space or a comma. At least one. */
  words: readonly (Timed & { text: string })[];
}

/** Who sings on after so long a pause begins a line, in seconds. */
const LINE_PAUSE = 1;
/** Of a line, as of a subtitle's; a longer word is a line of its own. */
const LINE_LENGTH = 42;

/** A line for each segment, or several: cut at pauses, and where it gets too long. A segment without words is one word. */
export function lyricLines(
  segments: readonly (Timed & { text: string })[],
  words: readonly (Timed & { word: string })[],
): LyricLine[] {
  const lines: LyricLine[] = [];
  let next = 0;
  for (const { text, start, end } of segments) {
    const places = findWords(text, words, next);
    const sung = places.flatMap((place, index) => {
      const word = words[next + index];
      const first = index === 0 ? 0 : place;
      return word === undefined
        ? []
        : [{ start: word.start, end: word.end, text: text.slice(first, places[index + 1]) }];
    });
    next += places.length;
    if (sung.length > 0) lines.push(...cut(sung));
    else if (text.trim() !== '') lines.push(lineOf([{ start, end, text: text.trim() }]));
  }
  return lines;
}

/** Enhanced LRC: `[mm:ss.xx]` before a line, `<mm:ss.xx>` before each word and at the line's end. */
export function toLrc(lines: readonly LyricLine[]): string {
  return lines
    .map(({ start, end, words }) => {
      const sung = words.map((word) => `<${lrcTime(word.start)}>${withoutMarks(word.text)}`).join('');
      return `[${lrcTime(start)}]${sung} <${lrcTime(end)}>\n`;
    })
    .join('');
}

/** WebVTT with the time of each word in front of it; players show what is past otherwise than what is to come. */
export function toLyricsVtt(lines: readonly LyricLine[]): string {
  return toVtt(lines.map(({ start, end, words }) => ({ start, end, markup: sungText(words, start, end) })));
}

/** Marks must grow, and lie within the cue: a word with the one before it, or with the cue, needs none. */
function sungText(words: LyricLine['words'], start: number, end: number): string {
  const last = Math.round(1000 * end);
  let before = Math.round(1000 * start);
  return words
    .map((word) => {
      const at = Math.round(1000 * word.start);
      const text = escapeVtt(word.text);
      if (at <= before || at >= last) return text;
      before = at;
      return `<${timestamp(word.start, '.')}>${text}`;
    })
    .join('');
}

function cut(words: LyricLine['words']): LyricLine[] {
  const lines: (Timed & { text: string })[][] = [];
  for (const word of words) {
    const line = lines.at(-1);
    const last = line?.at(-1);
    const length = line?.reduce((sum, { text }) => sum + text.length, word.text.trimEnd().length) ?? 0;
    if (line === undefined || last === undefined || word.start - last.end >= LINE_PAUSE || length > LINE_LENGTH) {
      lines.push([word]);
    } else line.push(word);
  }
  return lines.map(lineOf);
}

/** Its outer space belongs to nobody. */
function lineOf(words: LyricLine['words']): LyricLine {
  const trimmed = words.map((word, index) => {
    const text = word.text.replaceAll(/\s+/g, ' ');
    const begun = index === 0 ? text.trimStart() : text;
    return { ...word, text: index === words.length - 1 ? begun.trimEnd() : begun };
  });
  const starts = words.map(({ start }) => start);
  return { start: Math.min(...starts), end: Math.max(...words.map(({ end }) => end)), words: trimmed };
}

/** Seconds → `mm:ss.xx`; minutes take more digits from 100 on. */
function lrcTime(seconds: number): string {
  const total = Math.max(0, Math.round(100 * seconds));
  const [minutes, rest] = [Math.floor(total / 6000), total % 6000];
  const padded = [minutes, Math.floor(rest / 100), rest % 100].map((part) => String(part).padStart(2, '0'));
  return `${padded[0]}:${padded[1]}.${padded[2]}`;
}

/** LRC has no way to write a bracket that is none of its own. */
function withoutMarks(text: string): string {
  return text.replaceAll(/[<>[\]]/g, '');
}
