/** Collects the decoded windows of a file, in order, into its transcript. */
import type {
  SuppressedSegment,
  TokenLogprob,
  TranscriptionResult,
  TranscriptSegment,
  TranscriptWindow,
  TranscriptWord,
} from '../../contract/transcription.ts';
import type { DecodedPart } from './decode-window.ts';
import { assessRisk } from './risk.ts';
import type { WhisperTokenizer } from './tokenizer.ts';
import { placeWords } from './word-times.ts';

export interface TranscriptOptions {
  tokenizer: WhisperTokenizer;
  /** Collect the log-probabilities of the text's tokens. */
  withLogprobs?: boolean;
  /** The deltas concatenated are the result's text. */
  onDelta?: ((delta: string) => void) | undefined;
  /** Windows of an earlier run, in order; their text is not told again. */
  done?: readonly TranscriptWindow[] | undefined;
}

export interface Transcript {
  add(window: { index: number; start: number; end: number }, parts: readonly DecodedPart[]): TranscriptWindow;
  /** End of the last word or segment so far, in seconds. */
  readonly spokenUntil: number;
  finish(duration: number, language: string): TranscriptionResult;
}

/** How many segments are compared when the same one comes again. */
const REMEMBERED = 4;

export function createTranscript({ tokenizer, withLogprobs, onDelta, done = [] }: TranscriptOptions): Transcript {
  const segments: TranscriptSegment[] = done.flatMap((window) => window.segments);
  const words: TranscriptWord[] = done.flatMap((window) => window.words);
  const suppressed: SuppressedSegment[] = done.flatMap((window) => window.suppressed);
  const logprobs: TokenLogprob[] = done.flatMap((window) => window.logprobs ?? []);
  const writer = createDeltaWriter(onDelta, textOf(segments));
  let spokenUntil = segments.at(-1)?.end ?? 0;

  function addPart(part: DecodedPart): { words: TranscriptWord[]; logprobs: TokenLogprob[] } {
    const told: TokenLogprob[] = [];
    const placed = placeWords({
      segments: part.segments,
      timed: part.timed,
      window: part.window,
      tokenizer,
      lastSpeechEnd: spokenUntil,
    });
    for (const [i, segment] of part.segments.entries()) {
      const { first = 0, tokens = [] } = part.slices[i] ?? {};
      const own = part.logprobs.slice(first, first + tokens.length);
      if (withLogprobs) told.push(...textLogprobs(tokenizer, tokens, own));
      const risk = assessRisk({
        segment,
        logprobs: own,
        speech: part.window.speech,
        words: placed.filter(({ start, end }) => start >= segment.start && end <= segment.end),
        before: segments.slice(-REMEMBERED).map(({ text }) => text),
      });
      segments.push(Object.assign(segment, { id: segments.length, risk }));
      spokenUntil = segment.end;
    }
    return { words: placed, logprobs: told };
  }

  return {
    get spokenUntil() {
      return spokenUntil;
    },
    add({ index, start, end }, parts) {
      const placed = parts.map(addPart);
      const added = {
        segments: parts.flatMap((part) => part.segments),
        words: placed.flatMap((part) => part.words),
        suppressed: parts.flatMap((part) => part.suppressed),
        ...(withLogprobs ? { logprobs: placed.flatMap((part) => part.logprobs) } : {}),
      };
      words.push(...added.words);
      suppressed.push(...added.suppressed);
      logprobs.push(...(added.logprobs ?? []));
      writer.write(textOf(added.segments));
      return { index, start, end, language: parts[0]?.language ?? '', ...added };
    },
    finish: (duration, language) => ({
      text: writer.text,
      language,
      duration,
      segments,
      words,
      suppressed_segments: suppressed,
      ...(withLogprobs ? { logprobs } : {}),
    }),
  };
}

function textOf(segments: readonly TranscriptSegment[]): string {
  return segments.map(({ text }) => text).join('');
}

/** Pieces of text only: timestamps are no part of what OpenAI shows here. */
function textLogprobs(
  tokenizer: WhisperTokenizer,
  tokens: readonly number[],
  logprobs: readonly number[],
): TokenLogprob[] {
  return tokens.flatMap((id, i) => {
    const logprob = logprobs[i];
    if (id >= tokenizer.eot || logprob === undefined) return [];
    return [{ token: tokenizer.decode([id]), logprob, bytes: [...tokenizer.bytes(id)] }];
  });
}

/**
 * Text without space at its ends, told bit by bit: space that may turn out to be the last waits for the next piece.
 * What was `told` before is part of the text, and not told again.
 */
function createDeltaWriter(
  onDelta: TranscriptOptions['onDelta'],
  told: string,
): {
  readonly text: string;
  write(text: string): void;
} {
  let text = told.trim();
  let space = text === '' ? told : told.slice(told.trimEnd().length);
  return {
    get text() {
      return text;
    },
    write(piece) {
      const whole = space + piece;
      const kept = whole.trimEnd();
      space = whole.slice(kept.length);
      const delta = text === '' ? kept.trimStart() : kept;
      if (delta === '') return;
      text += delta;
      onDelta?.(delta);
    },
  };
}
