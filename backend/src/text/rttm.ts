/** RTTM (NIST's Rich Transcription Time Marked): diarizations as text, one turn a line. */
import type { Turn } from './turn.ts';

export interface RttmTurn extends Turn {
  /** The recording's name, without its extension by custom. */
  file: string;
}

/** NIST, "Rich Transcription Spring 2009 Evaluation Plan", appendix A; all but SPEAKER are passed over. */
const OTHER_TYPES = new Set([
  ...['SEGMENT', 'NOSCORE', 'NO_RT_METADATA', 'LEXEME', 'NON-LEX', 'NON-SPEECH'],
  ...['FILLER', 'EDIT', 'IP', 'SU', 'CB', 'A/P', 'SPKR-INFO'],
]);

/**
 * As pyannote.core writes it: by start, then end; three decimals, ties to the even one; channel 1; `<NA>` where nothing
 * is known. @throws RangeError for a name that is empty or has white space in it (see `rttmName`).
 */
export function writeRttm(file: string, turns: readonly Turn[]): string {
  if (!isName(file)) throw new RangeError(`RTTM has no way to name the file '${file}'`);
  return turns
    .toSorted((a, b) => a.start - b.start || a.end - b.end)
    .map(({ start, end, speaker }) => {
      if (!isName(speaker)) throw new RangeError(`RTTM has no way to name the speaker '${speaker}'`);
      return `SPEAKER ${file} 1 ${threeDecimals(start)} ${threeDecimals(end - start)} <NA> <NA> ${speaker} <NA> <NA>\n`;
    })
    .join('');
}

/** Any text as a name that RTTM can hold: white space becomes `_`, nothing at all `<NA>`. */
export function rttmName(text: string): string {
  return text.trim().replace(/\s+/g, '_') || '<NA>';
}

/**
 * The SPEAKER lines in their order; the score and the look-ahead time at a line's end may be missing. Lines of RTTM's other types,
 * empty ones and comments (`;;`) are passed over. @throws Error that names the line at fault, counted from 1.
 */
export function parseRttm(text: string): RttmTurn[] {
  return text.split('\n').flatMap((source, index) => {
    const line = source.trim();
    if (line === '' || line.startsWith(';;')) return [];
    try {
      return parseLine(line.split(/\s+/));
    } catch (error) {
      throw new Error(`RTTM line ${index + 1}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
}

function parseLine(fields: readonly string[]): RttmTurn[] {
  const [type = '', file = '', , startText = '', durationText = '', , , speaker = ''] = fields;
  if (OTHER_TYPES.has(type)) return [];
  if (type !== 'SPEAKER') throw new Error(`'${type}' is not a type of RTTM`);
  if (fields.length < 8 || fields.length > 10) throw new Error(`8 to 10 fields are expected, not ${fields.length}`);
  const start = parseSeconds('start', startText);
  const duration = parseSeconds('duration', durationText);
  if (duration < 0) throw new Error(`the duration is negative: ${durationText}`);
  return [{ file, start, end: start + duration, speaker }];
}

function parseSeconds(name: string, text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) throw new Error(`the ${name} is not a number: '${text}'`);
  return Number(text);
}

function isName(text: string): boolean {
  return /^\S+$/.test(text);
}

/** As Python's `.3f`. Only odd sixteenths lie exactly between two thousandths; JavaScript rounds these up. */
function threeDecimals(seconds: number): string {
  if (Math.abs(seconds * 16) % 2 !== 1) return seconds.toFixed(3);
  const below = Math.floor(seconds * 1000);
  return ((below % 2 === 0 ? below : below + 1) / 1000).toFixed(3);
}
