/** Collects the decoded windows of a file, in order, into its transcript. */
import type {
  SuppressedSegment,
  TokenLogprob,
  TranscriptionResult,
  TranscriptSegment,
  TranscriptWord,
} from '../../contract/transcription.ts';
import type { DecodedPart } from './decode-window.ts';
import { assessRisk } from './risk.ts';
import type { WhisperTokenizer } from './tokenizer.ts';
import { placeWords } from './word-times.ts';

/** What one window added; kept by whoever wants to resume behind it. */
export interface WindowResult {
  index: number;
  /** Seconds from the start of the file. */
  start: number;
  end: number;
  language: string;
  segments: TranscriptSegment[];
  words: TranscriptWord[];
  suppressed: SuppressedSegment[];
}

export interface TranscriptOptions {
  tokenizer: WhisperTokenizer;
  /** Collect the log-probabilities of the text's tokens. */
  withLogprobs?: boolean;
  /** The deltas concatenated are the result's text. */
  onDelta?: ((delta: string) => void) | undefined;
  onWindow?: ((result: WindowResult) => void) | undefined;
}

export interface Transcript {
  add(window: { index: number; start: number; end: number }, parts: readonly DecodedPart[]): void;
  /** End of the last word or segment so far, in seconds. */
  readonly spokenUntil: number;
  finish(duration: number, language: string): TranscriptionResult;
}

/** How many segments are compared when the same one comes again. */
const REMEMBERED = 4;

export function createTranscript({ tokenizer, withLogprobs, onDelta, onWindow }: TranscriptOptions): Transcript {
  const segments: TranscriptSegment[] = [];
  const words: TranscriptWord[] = [];
  const suppressed: SuppressedSegment[] = [];
  const logprobs: TokenLogprob[] = [];
  const writer = createDeltaWriter(onDelta);
  let spokenUntil = 0;

  function addPart(part: DecodedPart): TranscriptWord[] {
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
      if (withLogprobs) logprobs.push(...textLogprobs(tokenizer, tokens, own));
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
    return placed;
  }

  return {
    get spokenUntil() {
      return spokenUntil;
    },
    add({ index, start, end }, parts) {
      const added = {
        segments: parts.flatMap((part) => part.segments),
        words: parts.flatMap(addPart),
        suppressed: parts.flatMap((part) => part.suppressed),
      };
      words.push(...added.words);
      suppressed.push(...added.suppressed);
      writer.write(added.segments.map(({ text }) => text).join(''));
      onWindow?.({ index, start, end, language: parts[0]?.language ?? '', ...added });
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

/** Text without space at its ends, told bit by bit: space that may turn out to be the last waits for the next piece. */
function createDeltaWriter(onDelta: TranscriptOptions['onDelta']): {
  readonly text: string;
  write(text: string): void;
} {
  let text = '';
  let space = '';
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
