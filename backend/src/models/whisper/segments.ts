/** A window's tokens → the segments of a transcript (openai/whisper, transcribe.py). */
import type { SuppressedSegment, TranscriptSegment } from '../../contract/transcription.ts';
import { type AttemptQuality, isSilence } from './fallback.ts';
import type { WhisperTokenizer } from './tokenizer.ts';

/** Seconds from one timestamp token to the next: two feature frames, one position of the encoder. */
export const TIMESTAMP_SECONDS = 0.02;
const FRAMES_PER_SECOND = 100;

export interface TokenSlice {
  /** Seconds from the start of the window. */
  start: number;
  end: number;
  /** Timestamps included, from `first` on in the window's tokens. */
  tokens: number[];
  first: number;
}

export interface SlicedTokens {
  slices: TokenSlice[];
  /** Seconds of the window that are done with: where the reference looks next. */
  advance: number;
  /** Set when speech goes on beyond the last pair of timestamps: those tokens, which the reference decodes again. */
  unfinished: TokenSlice | undefined;
  /** The tokens end in a single timestamp: no speech behind it. */
  closed: boolean;
}

/** Splits a window's tokens at pairs of timestamps; `seconds` is the length of the window's audio. */
export function sliceTokens(tokens: readonly number[], timestampBegin: number, seconds: number): SlicedTokens {
  const isTimestamp = (at: number): boolean => (tokens[at] ?? -1) >= timestampBegin;
  const timeAt = (at: number): number => ((tokens[at] ?? timestampBegin) - timestampBegin) * TIMESTAMP_SECONDS;
  const slice = (from: number, to: number, end: number): TokenSlice => ({
    start: isTimestamp(from) ? timeAt(from) : 0,
    end,
    tokens: tokens.slice(from, to),
    first: from,
  });
  const closed = isTimestamp(tokens.length - 1) && tokens.length > 1 && !isTimestamp(tokens.length - 2);
  const cuts: number[] = [];
  for (let i = 1; i < tokens.length; i += 1) if (isTimestamp(i - 1) && isTimestamp(i)) cuts.push(i);

  if (cuts.length === 0) {
    const last = tokens.findLast((token) => token >= timestampBegin);
    const end = last === undefined || last === timestampBegin ? seconds : (last - timestampBegin) * TIMESTAMP_SECONDS;
    // The reference lets this one begin with the window, whatever its first timestamp says.
    const only = { start: 0, end, tokens: [...tokens], first: 0 };
    return { slices: [only], advance: seconds, unfinished: undefined, closed };
  }

  if (closed) cuts.push(tokens.length);
  const slices = cuts.map((to, i) => slice(cuts[i - 1] ?? 0, to, timeAt(to - 1)));
  if (closed) return { slices, advance: seconds, unfinished: undefined, closed };
  const lastCut = cuts.at(-1) ?? 0;
  const rest = slice(lastCut, tokens.length, seconds);
  const speechGoesOn = rest.tokens.some((token) => token < timestampBegin);
  return { slices, advance: timeAt(lastCut - 1), unfinished: speechGoesOn ? rest : undefined, closed };
}

export interface DecodedWindow extends AttemptQuality {
  tokens: readonly number[];
  temperature: number;
}

export interface BuiltSegments {
  /** Their ids count from 0. */
  segments: TranscriptSegment[];
  /** The slice each segment was made of. */
  slices: TokenSlice[];
  suppressed: SuppressedSegment[];
}

/**
 * Slices → segments in seconds from the start of the file, in order and within [window.start, window.end]. Without
 * text there is no segment; one that is withheld is told with its reason.
 */
export function buildSegments(
  slices: readonly TokenSlice[],
  decoded: DecodedWindow,
  window: { start: number; end: number },
  tokenizer: Pick<WhisperTokenizer, 'decode'>,
): BuiltSegments {
  const built: BuiltSegments = { segments: [], slices: [], suppressed: [] };
  const silent = isSilence(decoded);
  let previousEnd = window.start;
  for (const slice of slices) {
    const text = tokenizer.decode(slice.tokens);
    if (text.trim() === '') continue;
    const start = clamp(window.start + slice.start, previousEnd, window.end);
    const end = clamp(window.start + slice.end, start, window.end);
    const quality = {
      temperature: decoded.temperature,
      avg_logprob: decoded.avgLogprob,
      compression_ratio: decoded.compressionRatio,
      no_speech_prob: decoded.noSpeechProb,
    };
    if (silent || slice.end === slice.start) {
      const reason = silent ? 'no_speech' : 'zero_length';
      built.suppressed.push({ start: milliseconds(start), end: milliseconds(end), text, reason, ...quality });
      continue;
    }
    previousEnd = end;
    built.slices.push(slice);
    built.segments.push({
      id: built.segments.length,
      seek: Math.round(window.start * FRAMES_PER_SECOND),
      start: milliseconds(start),
      end: milliseconds(end),
      text,
      tokens: slice.tokens,
      ...quality,
    });
  }
  return built;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), Math.max(low, high));
}

/** Sums of 20 ms steps do not show binary fractions. */
function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
