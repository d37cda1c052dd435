/** Recognized words → timed words and the segments of a transcript. */
import { deflateSync } from 'node:zlib';
import type { TranscriptSegment, TranscriptWord } from '../../contract/transcription.ts';
import type { RecognizedWord } from './words.ts';

/** A pause this long (seconds) begins a new segment. */
const PAUSE = 0.7;
/** A segment longer than this is split at its widest gap: about what fits two subtitle lines twice over. */
const MAX_SEGMENT_SECONDS = 15;
/** A streaming model emits a token this long after it began to sound: median over leopard-en's reference word times. */
const EMISSION_LAG = 0.2;
/** How long a word's last token sounds on (seconds), if the next word does not begin before. */
const LAST_TOKEN_SECONDS = 0.2;

export interface TimedWord extends TranscriptWord {
  tokens: RecognizedWord['tokens'];
}

/** Monotonic times in [0, duration]: each word ends where the next begins or soon after its own last token. */
export function timeWords(words: readonly RecognizedWord[], duration: number): TimedWord[] {
  return words.map(({ word, start, lastTokenTime, tokens }, i) => {
    const nextStart = words[i + 1]?.start ?? Number.POSITIVE_INFINITY;
    const end = Math.min(nextStart, lastTokenTime + LAST_TOKEN_SECONDS);
    return { word, start: onset(start, duration), end: onset(end, duration), tokens };
  });
}

/** `speechProbability(start, end)` is the mean over that span, or undefined where it was not measured. */
export function buildSegments(
  words: readonly TimedWord[],
  speechProbability: (start: number, end: number) => number | undefined,
): TranscriptSegment[] {
  return splitAtPauses(words)
    .flatMap(splitLong)
    .map((group, id) => {
      const start = group[0]?.start ?? 0;
      const end = group.at(-1)?.end ?? start;
      const text = ` ${group.map((word) => word.word).join(' ')}`;
      const tokens = group.flatMap((word) => word.tokens);
      const logprobs = tokens.reduce((sum, token) => sum + token.logprob, 0);
      return {
        id,
        // One pass over the whole file: there is no window to seek to.
        seek: 0,
        start,
        end,
        text,
        tokens: tokens.map((token) => token.id),
        temperature: 0,
        avg_logprob: logprobs / Math.max(1, tokens.length),
        compression_ratio: compressionRatio(text),
        no_speech_prob: 1 - (speechProbability(start, end) ?? 1),
      };
    });
}

function splitAtPauses(words: readonly TimedWord[]): TimedWord[][] {
  const groups: TimedWord[][] = [];
  for (const word of words) {
    const group = groups.at(-1);
    const previousEnd = group?.at(-1)?.end;
    if (group === undefined || previousEnd === undefined || word.start - previousEnd >= PAUSE) groups.push([word]);
    else group.push(word);
  }
  return groups;
}

/** Splits at the widest gap of the middle half, until every part is short enough. */
function splitLong(group: TimedWord[]): TimedWord[][] {
  const start = group[0]?.start ?? 0;
  const length = (group.at(-1)?.end ?? start) - start;
  if (length <= MAX_SEGMENT_SECONDS || group.length < 2) return [group];
  let best = Math.ceil(group.length / 2);
  let widest = -1;
  for (let i = 1; i < group.length; i += 1) {
    const before = group[i - 1]?.end ?? 0;
    const after = group[i]?.start ?? 0;
    const central = Math.abs((before + after) / 2 - start - length / 2) <= length / 4;
    if (central && after - before > widest) {
      widest = after - before;
      best = i;
    }
  }
  return [...splitLong(group.slice(0, best)), ...splitLong(group.slice(best))];
}

/** openai/whisper, utils.py: compression_ratio; of the text as it stands in the segment's words. */
function compressionRatio(text: string): number {
  const bytes = Buffer.from(text.trim(), 'utf8');
  return bytes.length / deflateSync(bytes).length;
}

/** Time of emission → when it was spoken, in milliseconds: sums of frame times do not show binary fractions. */
function onset(time: number, duration: number): number {
  const spoken = Math.min(duration, Math.max(0, time - EMISSION_LAG));
  return Math.round(spoken * 1000) / 1000;
}
