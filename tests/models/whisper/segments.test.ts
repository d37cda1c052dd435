import { describe, expect, it } from 'vitest';
import { transcriptSegment } from '../../../backend/src/contract/transcription.ts';
import { buildSegments, type DecodedWindow, sliceTokens } from '../../../backend/src/models/whisper/segments.ts';
import { letters, said, TIMESTAMP_BEGIN } from './support.ts';

const slice = (tokens: number[], seconds = 30) => sliceTokens(tokens, TIMESTAMP_BEGIN, seconds);
const spans = (tokens: number[], seconds = 30) =>
  slice(tokens, seconds).slices.map(({ start, end, tokens: own }) => [start, end, letters.decode(own)]);

describe('slicing at timestamps', () => {
  it('makes a segment of each pair, and is done with the window at a single last timestamp', () => {
    const tokens = said(0, ' a', 2.5, 2.5, ' b', 5);
    expect(spans(tokens)).toEqual([
      [0, 2.5, ' a'],
      [2.5, 5, ' b'],
    ]);
    expect(slice(tokens)).toMatchObject({ advance: 30, closed: true, unfinished: undefined });
    expect(slice(tokens).slices.map(({ tokens: own }) => own)).toEqual([said(0, ' a', 2.5), said(2.5, ' b', 5)]);
  });

  it('goes on behind the last pair where speech is cut off, and tells what it was', () => {
    const tokens = said(1, ' a', 2.5, 4, ' b');
    expect(spans(tokens)).toEqual([[1, 2.5, ' a']]);
    expect(slice(tokens)).toMatchObject({ advance: 2.5, closed: false, unfinished: { start: 4, end: 30, first: 4 } });
  });

  it('has nothing unfinished behind a pair at the end', () => {
    expect(slice(said(0, ' a', 2.5, 2.5))).toMatchObject({ advance: 2.5, closed: false, unfinished: undefined });
  });

  it('takes the whole window without pairs, up to the last timestamp if that is not 0', () => {
    expect(spans(said(0, ' a', 7), 12)).toEqual([[0, 7, ' a']]);
    expect(spans(said(0, ' a'), 12)).toEqual([[0, 12, ' a']]);
    expect(spans(said(' a'), 12)).toEqual([[0, 12, ' a']]);
    expect(slice(said(0, ' a', 7), 12)).toMatchObject({ advance: 12, closed: true });
    expect(slice(said(' a'), 12)).toMatchObject({ advance: 12, closed: false });
    expect(slice([])).toMatchObject({ advance: 30, slices: [{ start: 0, end: 30, tokens: [] }] });
  });
});

describe('segments', () => {
  const decoded: DecodedWindow = {
    ...{ tokens: [], temperature: 0.2, avgLogprob: -0.4, compressionRatio: 1.2, noSpeechProb: 0.05 },
  };
  const window = { start: 61.25, end: 91.25 };
  const build = (tokens: number[], overrides: Partial<DecodedWindow> = {}) =>
    buildSegments(slice(tokens).slices, { ...decoded, ...overrides }, window, letters);

  it('have every field of the contract', () => {
    const { segments } = build(said(0, ' Hi', 2.54, 3, ' you', 5));
    expect(segments).toEqual([
      {
        ...{ id: 0, seek: 6125, start: 61.25, end: 63.79, text: ' Hi', tokens: said(0, ' Hi', 2.54) },
        ...{ temperature: 0.2, avg_logprob: -0.4, compression_ratio: 1.2, no_speech_prob: 0.05 },
      },
      {
        ...{ id: 1, seek: 6125, start: 64.25, end: 66.25, text: ' you', tokens: said(3, ' you', 5) },
        ...{ temperature: 0.2, avg_logprob: -0.4, compression_ratio: 1.2, no_speech_prob: 0.05 },
      },
    ]);
    for (const segment of segments) expect(transcriptSegment.parse(segment)).toEqual(segment);
  });

  it('stay in order and within the window', () => {
    const { segments } = build(said(5, ' a', 9, 8, ' b', 29, 29, ' c', 30));
    const { segments: short } = buildSegments(
      slice(said(0, ' a', 20)).slices,
      ...([decoded, { start: 0, end: 12.5 }, letters] as const),
    );
    expect(segments.map(({ start, end }) => [start, end])).toEqual([
      [66.25, 70.25],
      [70.25, 90.25],
      [90.25, 91.25],
    ]);
    expect(short.map(({ start, end }) => [start, end])).toEqual([[0, 12.5]]);
  });

  it('are not made of blanks', () => {
    expect(build(said(0, '  ', 2, 2, ' b', 4)).segments).toMatchObject([{ id: 0, text: ' b' }]);
  });

  it('tell what is withheld: all of a silent window, and text of no length', () => {
    const silent = build(said(0, ' Thanks', 2, 2, ' Bye', 4), { avgLogprob: -1.4, noSpeechProb: 0.8 });
    expect(silent.segments).toEqual([]);
    expect(silent.suppressed).toMatchObject([
      { text: ' Thanks', reason: 'no_speech', start: 61.25, end: 63.25, no_speech_prob: 0.8 },
      { text: ' Bye', reason: 'no_speech' },
    ]);
    const instant = build(said(2, ' a', 2, 2, ' b', 4));
    expect(instant.segments).toMatchObject([{ text: ' b' }]);
    expect(instant.suppressed).toMatchObject([{ text: ' a', reason: 'zero_length' }]);
  });
});
