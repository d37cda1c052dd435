/** One window through the model: language, decoding with fallback, segments, attention for word times. */
import { SAMPLE_RATE } from '../../audio/sample-rate.ts';
import { compressionRatio } from './compression-ratio.ts';
import { decodeWithFallback, isSilence, temperaturesFor } from './fallback.ts';
import type { PromptRequest } from './prompt.ts';
import { type BuiltSegments, buildSegments, sliceTokens } from './segments.ts';
import type { WhisperTokenizer } from './tokenizer.ts';
import { attentionOf, decodeRow, type WindowAudio, type WindowLane } from './window-jobs.ts';
import type { AudioWindow } from './windows.ts';
import { alignWords, type TimedWord } from './word-times.ts';

export interface WindowRequest {
  language: string;
  task: PromptRequest['task'];
  temperature: number;
  timestamps: boolean;
  words: boolean;
  previous: readonly number[];
  /**
   * What becomes of speech that goes on beyond the last pair of timestamps: `keep` it as a segment up to the window's
   * end, or `drop` it, because the next window will begin there.
   */
  unfinished: 'keep' | 'drop';
}

export interface WindowTools {
  lane: WindowLane;
  tokenizer: WhisperTokenizer;
  /** Everything in front of the first new token. */
  prompt(request: PromptRequest): number[];
}

/** A stretch of a window that was decoded at once. */
export interface DecodedPart extends BuiltSegments {
  window: AudioWindow;
  language: string;
  /** Seconds of it that are done with. */
  advance: number;
  /** The model said that no speech follows its last timestamp. */
  closed: boolean;
  temperature: number;
  /** Of the window's tokens, to be sliced as the segments' tokens are. */
  logprobs: readonly number[];
  /** Words of all segments in order; empty unless they were asked for. */
  timed: TimedWord[];
}

/** The least that is worth another look (seconds). */
const SHORTEST_REST = 0.5;
/** A window whose text is cut off again and again is not decoded on behind this many parts. */
const MOST_PARTS = 8;

/**
 * Decodes a window to its end: where the text ran into the model's limit of tokens (dense speech, scripts of many
 * tokens a word), what lies behind the last pair of timestamps is decoded as a window of its own.
 */
export async function decodeWindow(
  tools: WindowTools,
  window: AudioWindow,
  audio: WindowAudio,
  request: WindowRequest,
): Promise<DecodedPart[]> {
  const parts: DecodedPart[] = [];
  let rest = window;
  let restAudio = audio;
  for (;;) {
    const mayContinue = parts.length < MOST_PARTS - 1;
    const { part, continues } = await decodePart(tools, rest, restAudio, request, mayContinue);
    parts.push(part);
    if (!continues) return parts;
    const pcm = rest.pcm.subarray(Math.round(part.advance * SAMPLE_RATE));
    rest = { ...rest, start: rest.start + part.advance, pcm };
    restAudio = { pcm };
  }
}

/** Decodes the window once; `continues` when what the limit of tokens cut off is left to the next part. */
async function decodePart(
  tools: WindowTools,
  window: AudioWindow,
  audio: WindowAudio,
  request: WindowRequest,
  mayContinue: boolean,
): Promise<{ part: DecodedPart; continues: boolean }> {
  // A file's text shall depend neither on the windows it shared batches with nor on where a run began.
  const seed = Math.round(window.start * SAMPLE_RATE);
  const decoded = await decodeText(tools, audio, request, seed);
  const seconds = window.pcm.length / SAMPLE_RATE;
  const sliced = sliceTokens(decoded.tokens, tools.tokenizer.timestampBegin, seconds);
  const silent = isSilence(decoded);
  const begun = sliced.advance > 0 && !silent;
  const continues = mayContinue && begun && decoded.finished === 'length' && seconds - sliced.advance >= SHORTEST_REST;
  const dropped = begun && (continues || request.unfinished === 'drop');
  const unfinished = dropped || sliced.unfinished === undefined ? [] : [sliced.unfinished];
  const built = buildSegments([...sliced.slices, ...unfinished], decoded, window, tools.tokenizer);
  const part = {
    ...built,
    window,
    language: request.language,
    advance: silent ? seconds : sliced.advance,
    closed: silent || sliced.closed,
    temperature: decoded.temperature,
    logprobs: decoded.logprobs,
    timed: request.words ? await timeWords(tools, window, audio, request, built) : [],
  };
  return { part, continues };
}

/** The window's text, at the first temperature that gives something acceptable. */
function decodeText(
  { lane, tokenizer, prompt: buildPrompt }: WindowTools,
  audio: WindowAudio,
  { language, task, timestamps, previous, temperature }: WindowRequest,
  seed: number,
) {
  const prompt = buildPrompt({ language, task, timestamps, previous });
  return decodeWithFallback(async (hotness) => {
    const row = await decodeRow(lane, { audio, prompt, temperature: hotness, timestamps, seed });
    return { ...row, compressionRatio: compressionRatio(tokenizer.decode(row.tokens).trim()) };
  }, temperaturesFor(temperature));
}

/** A second, forced run over the text alone, whose attention tells when each token was spoken. */
async function timeWords(
  { lane, tokenizer, prompt }: WindowTools,
  window: AudioWindow,
  audio: WindowAudio,
  { language, task }: WindowRequest,
  { segments }: BuiltSegments,
): Promise<TimedWord[]> {
  const text = segments.flatMap(({ tokens }) => tokens).filter((token) => token < tokenizer.eot);
  if (text.length === 0) return [];
  const prefix = prompt({ language, task, timestamps: false });
  const weights = await attentionOf(lane, audio, [...prefix, ...text, tokenizer.eot]);
  const written = task === 'translate' ? 'en' : language;
  return alignWords(tokenizer.words(text, written), weights, prefix.length, window.pcm.length / SAMPLE_RATE);
}
