import { expect, it } from 'vitest';
import { transcriptSegment } from '../../../backend/src/contract/transcription.ts';
import { buildSegments, timeWords } from '../../../backend/src/models/transducer/segments.ts';
import type { RecognizedWord } from '../../../backend/src/models/transducer/words.ts';

/** A word of two tokens, emitted at `start` and 0.2 s later. */
function word(text: string, start: number): RecognizedWord {
  const tokens = [0, 0.2].map((after, i) => ({ id: 10 + i, time: start + after, logprob: i === 0 ? -0.2 : -0.4 }));
  return { word: text, start, lastTokenTime: start + 0.2, tokens };
}

function segmentsOf(words: RecognizedWord[], duration = 1000) {
  return buildSegments(timeWords(words, duration), () => 0.75);
}

it('word times lie in the audio, never go back and never overlap', () => {
  const words = [word('A', 0), word('B', 0.1), word('C', 0.24), word('D', 5), word('E', 5.9), word('F', 6.3)];
  const timed = timeWords(words, 6);
  let before = 0;
  for (const { start, end } of timed) {
    expect(start).toBeGreaterThanOrEqual(before);
    expect(end).toBeGreaterThanOrEqual(start);
    before = end;
  }
  expect(before).toBeLessThanOrEqual(6);
});

it('a pause begins a segment', () => {
  const segments = segmentsOf([word('ONE', 1), word('TWO', 1.5), word('THREE', 2.7)]);
  expect(segments.map(({ text }) => text)).toEqual([' ONE TWO', ' THREE']);
  expect(segments.map(({ id }) => id)).toEqual([0, 1]);
});

it('a long stretch without pauses is split at its widest gaps', () => {
  // 40 s in words of half a second, with slightly wider gaps at 9.5 and 22 s.
  const words = Array.from({ length: 80 }, (_, i) =>
    word(`W${i}`, 1 + i / 2 + (i >= 19 ? 0.2 : 0) + (i >= 44 ? 0.2 : 0)),
  );
  const segments = segmentsOf(words);
  expect(Math.max(...segments.map(({ start, end }) => end - start))).toBeLessThanOrEqual(15);
  expect(segments.length).toBeLessThanOrEqual(5);
  expect(segments.map(({ text }) => text.trim()).join(' ')).toBe(words.map(({ word }) => word).join(' '));
  const starts = segments.map(({ text }) => text.trim().split(' ')[0]);
  expect(starts).toContain('W19');
});

it('has every field of the contract, with real figures', () => {
  const [segment] = segmentsOf([word('HA', 1), ...Array.from({ length: 20 }, (_, i) => word('HA', 1.3 + i * 0.3))]);
  expect(transcriptSegment.parse(segment)).toEqual(segment);
  expect(segment).toMatchObject({ seek: 0, temperature: 0, no_speech_prob: 0.25 });
  expect(segment?.avg_logprob).toBeCloseTo(-0.3);
  expect(segment?.tokens).toHaveLength(42);
  // What Whisper takes for a repetition loop lies above 2.4.
  expect(segment?.compression_ratio).toBeGreaterThan(2.4);
});

it('no words, no segments', () => {
  expect(segmentsOf([])).toEqual([]);
});
