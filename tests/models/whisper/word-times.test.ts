import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TranscriptSegment } from '../../../backend/src/contract/transcription.ts';
import {
  type AttentionWeights,
  alignmentMatrix,
  cropAttention,
  tokenFrames,
} from '../../../backend/src/models/whisper/alignment.ts';
import { dynamicTimeWarping } from '../../../backend/src/models/whisper/dtw.ts';
import {
  alignWords,
  mergePunctuation,
  placeWords,
  type TimedWord,
} from '../../../backend/src/models/whisper/word-times.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { type KindFacts, readWhisperReference } from '../../fixtures/whisper/reference.ts';
import { seededAttention, seededFeatures, writeWhisperFixture } from '../../support/seeded-weights.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { letters, tinyTokenizer } from './support.ts';

describe('dynamic time warping', () => {
  it('takes the cheapest monotonic path', () => {
    // Zeros on a path that waits in row 0 for two columns and passes rows 1, 2 within one.
    const cost = Float64Array.of(...[0, 0, 9, 9], ...[9, 9, 0, 9], ...[9, 9, 0, 0]);
    expect(dynamicTimeWarping(cost, 3, 4)).toEqual({ rows: [0, 0, 1, 2, 2], columns: [0, 1, 2, 2, 3] });
  });

  it('has no path through an empty matrix, and one through a row or a column', () => {
    expect(dynamicTimeWarping(new Float64Array(0), 0, 4).rows).toEqual([]);
    expect(dynamicTimeWarping(new Float64Array(3), 1, 3).columns).toEqual([0, 1, 2]);
    expect(dynamicTimeWarping(new Float64Array(3), 3, 1).rows).toEqual([0, 1, 2]);
  });
});

describe('alignment', () => {
  it('equals the reference on the same attentions', async () => {
    const { alignments } = await readWhisperReference();
    expect(alignments.length).toBeGreaterThan(5);
    for (const { seed, heads, tokens, frames, jumpFrames } of alignments) {
      const data = seededAttention(seed, heads, tokens, frames);
      expect(tokenFrames({ heads, tokens, frames, data }), seed).toEqual(jumpFrames);
    }
  });

  it('is not disturbed by a frame at which all tokens are alike', () => {
    const data = Float32Array.of(...[1, 0.5, 0, 0, 0, 0, 0, 0], ...[0, 0.5, 1, 1, 1, 1, 1, 1]);
    const matrix = alignmentMatrix({ heads: 1, tokens: 2, frames: 8, data });
    expect(matrix.every(Number.isFinite)).toBe(true);
  });

  it('crops to the audio, each row summing to 1', () => {
    const cropped = cropAttention({ heads: 1, tokens: 2, frames: 4, data: Float32Array.of(1, 3, 4, 4, 2, 2, 9, 9) }, 2);
    expect(cropped).toEqual({ heads: 1, tokens: 2, frames: 2, data: Float32Array.of(0.25, 0.75, 0.5, 0.5) });
  });

  it('times words as the reference does with the attentions of a model', async () => {
    const { words, cases, kinds } = await readWhisperReference();
    const tokenizer = await tinyTokenizer('timestamped');
    const attend = await attention(kinds.timestamped);
    expect(words.length).toBeGreaterThan(20);
    for (const expected of words) {
      const found = cases.find(({ id }) => id === expected.case);
      if (found === undefined) throw new Error(expected.case);
      const weights = await attend(found.seed, found.frames, expected.alignInput);
      const prefix = found.prompt.length;
      const text = expected.alignInput.slice(prefix, -1);
      const timed = alignWords(tokenizer.words(text, found.language), weights, prefix, found.frames / 100);
      expect(rounded(timed), expected.case).toEqual(rounded(expected.words));
      expect(rounded(mergePunctuation(timed)), expected.case).toEqual(rounded(expected.merged));
    }
  });
});

function rounded(words: readonly TimedWord[]) {
  return words.map(({ word, tokens, start, end }) => ({
    word,
    tokens,
    start: Math.round(start * 100),
    end: Math.round(end * 100),
  }));
}

/** Runs the small model's plain decoder over forced tokens; → its alignment heads' attention. */
async function attention({ mels, alignmentHeads }: KindFacts) {
  const dir = await tempDir();
  await writeWhisperFixture('timestamped', dir);
  const open = (name: string) => openSession(join(dir, 'onnx', name), { threads: 1, device: 'cpu' });
  const encoder = await open('encoder_model.onnx');
  const decoder = await open('decoder_model.onnx');
  return async (seed: string, frames: number, tokens: readonly number[]): Promise<AttentionWeights> => {
    const features = encoder.tensor('float32', seededFeatures(seed, mels, frames), [1, mels, 3000]);
    const { last_hidden_state: hidden } = await encoder.run({ input_features: features });
    if (hidden === undefined) throw new Error('no encoding');
    const ids = decoder.tensor('int64', BigInt64Array.from(tokens, BigInt), [1, tokens.length]);
    const outputs = await decoder.run({ input_ids: ids, encoder_hidden_states: hidden });
    const size = tokens.length * 1500;
    const data = new Float32Array(alignmentHeads.length * size);
    for (const [i, [layer, head]] of alignmentHeads.entries()) {
      const weights = outputs[`cross_attentions.${layer}`]?.data as Float32Array;
      data.set(weights.subarray(head * size, (head + 1) * size), i * size);
    }
    return { heads: alignmentHeads.length, tokens: tokens.length, frames: 1500, data };
  };
}

describe('placing words', () => {
  const segment = (text: string, start: number, end: number): TranscriptSegment => ({
    ...{ id: 0, seek: 0, start, end, text, tokens: letters.encode(text), temperature: 0 },
    ...{ avg_logprob: -0.1, compression_ratio: 1, no_speech_prob: 0 },
  });
  const word = (text: string, start: number, end: number): TimedWord => ({
    ...{ word: text, tokens: letters.encode(text), start, end },
  });
  const all = { start: 10, end: 40, speech: [{ start: 10, end: 40 }] };

  it('counts from the start of the file, spells words bare and draws segments to them', () => {
    const segments = [segment(' "Hi, you.', 10, 12), segment(' Bye!', 12, 14)];
    const timed = [
      ...[word(' "', 0.2, 0.3), word('Hi', 0.3, 0.6), word(',', 0.6, 0.6), word(' you', 0.6, 1), word('.', 1, 1)],
      ...[word(' Bye', 2.2, 2.6), word('!', 2.6, 2.6)],
    ];
    const placed = placeWords({ segments, timed, window: all, tokenizer: letters, lastSpeechEnd: 10 });
    expect(placed).toEqual([
      { word: 'Hi', start: 10.3, end: 10.6 },
      { word: 'you', start: 10.6, end: 11 },
      { word: 'Bye', start: 12.2, end: 12.6 },
    ]);
    expect(segments).toMatchObject([
      { start: 10.3, end: 11 },
      { start: 12.2, end: 12.6 },
    ]);
  });

  it('shortens words that linger over a pause at the end of a sentence', () => {
    const timed = [
      ...[word(' one', 0, 0.4), word(' two', 0.4, 0.8), word('.', 0.8, 4), word(' three', 4, 4.4)],
      ...[word(' four', 4.4, 4.8), word('.', 4.8, 5), word(' five', 5, 9), word(' six', 9, 9.4)],
    ];
    const text = timed.map((part) => part.word).join('');
    const [, two, , , five] = placeWords({
      ...{ segments: [segment(text, 10, 20)], timed, window: all, tokenizer: letters, lastSpeechEnd: 10 },
    });
    expect(two).toEqual({ word: 'two', start: 10.4, end: 10.8 });
    // Twice the median of 0.4 s, from its end on.
    expect(five).toEqual({ word: 'five', start: 18.2, end: 19 });
  });

  it('keeps words in order, in the window and in speech', () => {
    const speech = [
      { start: 11, end: 12 },
      { start: 20, end: 21 },
    ];
    const timed = [
      word(' a', 0.5, 1.3),
      word(' b', 1.3, 1.2),
      word(' c', 1.8, 5),
      word(' d', 5, 10.4),
      word(' e', 35, 36),
    ];
    const placed = placeWords({
      segments: [segment(' a b c d e', 10, 40)],
      ...{ timed, window: { ...all, speech }, tokenizer: letters, lastSpeechEnd: 10 },
    });
    expect(placed.map((placedWord) => placedWord.word)).toEqual(['a', 'b', 'c', 'd', 'e']);
    let before = 10;
    for (const { start, end } of placed) {
      expect(start).toBeGreaterThanOrEqual(before);
      expect(end).toBeGreaterThanOrEqual(start);
      before = end;
    }
    expect(before).toBeLessThanOrEqual(40);
    expect(placed[0]).toEqual({ word: 'a', start: 11, end: 11.3 });
    expect(placed[2]).toMatchObject({ end: 12 });
    expect(placed[3]).toEqual({ word: 'd', start: 20, end: 20.4 });
  });
});
