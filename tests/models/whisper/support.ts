/** What the Whisper tests share: tokenizers of the small models, their reference, made-up windows. */
import type { OpenedSession } from '../../../backend/src/audio/session.ts';
import { createTokenizer, type WhisperTokenizer } from '../../../backend/src/models/whisper/tokenizer.ts';
import { type WhisperKind, whisperFixture } from '../../support/seeded-weights.ts';

export async function tinyTokenizer(kind: WhisperKind): Promise<WhisperTokenizer> {
  const files = await whisperFixture(kind);
  const json = (name: string): object => JSON.parse(new TextDecoder().decode(files[name]));
  return createTokenizer(json('tokenizer.json'), json('tokenizer_config.json'));
}

/** `<|0.00|>` of `letters`. */
export const TIMESTAMP_BEGIN = 1000;

/** A vocabulary in which a token is a character's code; ids from 1000 on are timestamps, 999 is the end. */
export const letters: WhisperTokenizer = {
  eot: 999,
  timestampBegin: TIMESTAMP_BEGIN,
  decode: (ids) => String.fromCharCode(...ids.filter((id) => id < 999)),
  bytes: (id) => Uint8Array.of(id),
  encode: (text) => Array.from(text, (character) => character.charCodeAt(0)),
  idOf: () => undefined,
  words: (ids) =>
    String.fromCharCode(...ids.filter((id) => id < 999))
      .split(/(?= )/)
      .map((word) => ({ word, tokens: letters.encode(word) })),
};

/** `' hi'` between timestamps: `said(0, ' hi', 1.5)`. Numbers are seconds. */
export function said(...parts: (number | string)[]): number[] {
  return parts.flatMap((part) =>
    typeof part === 'number' ? [TIMESTAMP_BEGIN + Math.round(part / 0.02)] : letters.encode(part),
  );
}

/** A voice activity graph that takes a window's middle sample for the probability of speech. */
export const levelVad: OpenedSession = {
  inputs: [],
  outputs: [],
  tensor: (type: string, data, dims) => ({ type, data, dims }),
  run: async ({ input, state }) => {
    if (input === undefined || state === undefined) throw new Error('no input');
    return { output: { type: 'float32', data: Float32Array.of(Number(input.data[320])), dims: [1, 1] }, stateN: state };
  },
  release: async () => {},
};

/** PCM of `[seconds, level]` spans, in chunks of 1 s as the decoder hands them out. */
export function* levels(...spans: (readonly [seconds: number, level: number])[]): Generator<Float32Array> {
  const pcm = new Float32Array(spans.reduce((sum, [seconds]) => sum + Math.round(seconds * 16_000), 0));
  let at = 0;
  for (const [seconds, level] of spans) {
    pcm.fill(level, at, at + Math.round(seconds * 16_000));
    at += Math.round(seconds * 16_000);
  }
  for (let from = 0; from < pcm.length; from += 16_000) yield pcm.subarray(from, from + 16_000);
}

/**
 * A voice activity graph with a memory, as the real one has: the probability follows the level by and by, and hangs on
 * the context too.
 */
export const slowVad: OpenedSession = {
  ...levelVad,
  run: async ({ input, state }) => {
    if (input === undefined || state === undefined) throw new Error('no input');
    const level = (Number(input.data[320]) + Number(input.data[10])) / 2;
    const memory = (state.data as Float32Array).slice();
    memory[0] = 0.6 * (memory[0] ?? 0) + 0.4 * level;
    const output = { type: 'float32', data: memory.subarray(0, 1), dims: [1, 1] };
    return { output, stateN: { type: 'float32', data: memory, dims: state.dims } };
  },
};

/** The stream from that sample on, in chunks of other lengths. */
export function* pcmFrom(chunks: Iterable<Float32Array>, sample: number, chunkSamples = 7001): Generator<Float32Array> {
  let start = 0;
  for (const chunk of chunks) {
    const wanted = chunk.subarray(Math.max(0, sample - start));
    start += chunk.length;
    for (let at = 0; at < wanted.length; at += chunkSamples) yield wanted.subarray(at, at + chunkSamples);
  }
}
