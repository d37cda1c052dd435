import { describe, expect, it } from 'vitest';
import type { TranscriptSegment } from '../../../backend/src/contract/transcription.ts';
import { assessRisk, type RiskInput, repeatsItself } from '../../../backend/src/models/whisper/risk.ts';

function assess(
  text: string,
  overrides: Partial<Omit<RiskInput, 'segment'>> & { segment?: Partial<TranscriptSegment> } = {},
): string[] {
  const segment = {
    ...{ id: 0, seek: 0, start: 10, end: 14, text, tokens: [], temperature: 0 },
    ...{ avg_logprob: -0.2, compression_ratio: 1.1, no_speech_prob: 0.02 },
    ...overrides.segment,
  };
  const speech = [{ start: 9, end: 15 }];
  return assessRisk({ logprobs: [-0.2, -0.3], speech, words: [], before: [], ...overrides, segment });
}

const SILENCE = { speech: [] };

describe('risk', () => {
  it('sees none in what people say', () => {
    for (const text of [
      ' And so, my fellow Americans, ask not what your country can do for you.',
      ' No, no, no, I did not say that!',
      ' Thank you for watching.',
      ' Bye.',
      ' Hmm.',
      ' 1, 2, 3, 4, 5, 6, 7, 8',
      ' very very good, very very good indeed',
      ' 今日は良い天気です。ははは。',
    ]) {
      expect(assess(text), text).toEqual([]);
    }
  });

  it('sees text where the detector heard no one', () => {
    expect(assess(' The weather will be fine.', SILENCE)).toEqual(['vad_mismatch']);
    expect(assess(' The weather will be fine.', { speech: [{ start: 13.5, end: 20 }] })).toEqual(['vad_mismatch']);
    expect(assess(' The weather will be fine.', { speech: undefined })).toEqual([]);
  });

  it('sees loops of words, phrases, characters and whole segments', () => {
    expect(repeatsItself(' so so so so so')).toBe(true);
    expect(repeatsItself(' I went home. I went home. I went home.')).toBe(true);
    expect(repeatsItself(' then we, we know, we know, we know it')).toBe(true);
    expect(repeatsItself('そうですそうですそうですそうですそうです')).toBe(true);
    expect(repeatsItself(' the cat and the dog and the bird and the fish')).toBe(false);
    expect(assess(' Go on.', { before: [' Go on!', ' Go on.'] })).toEqual(['repetition']);
    expect(assess(' Go on.', { before: [' Go on!', ' Stop.'] })).toEqual([]);
  });

  it("sees what the model's own figures say", () => {
    expect(assess(' Well.', { segment: { compression_ratio: 2.5 } })).toEqual(['high_compression']);
    expect(assess(' Well.', { logprobs: [-3, -0.2] })).toEqual(['low_logprob']);
    expect(assess(' Well.', { segment: { no_speech_prob: 0.7 } })).toEqual(['no_speech']);
  });

  it('sees the phrases of subtitles where there is too little speech for them', () => {
    for (const text of [
      ' Thank you so much for watching!',
      ' Subtitles by the Amara.org community',
      " Sous-titres réalisés par la communauté d'Amara.org",
      ' Untertitel im Auftrag des ZDF für funk, 2017',
      'ご視聴ありがとうございました',
    ]) {
      expect(assess(text, { speech: [{ start: 10, end: 11 }] }), text).toEqual(['possible_hallucination']);
    }
  });

  it('sees speech nobody could speak', () => {
    expect(assess(' A whole sentence in no time at all.', { segment: { end: 10.4 } })).toEqual([
      'possible_hallucination',
    ]);
    const words = [10, 10.02, 10.04, 10.06].map((start) => ({ word: 'a', start, end: start + 0.02 }));
    expect(assess(' a b c d', { words })).toEqual(['possible_hallucination']);
  });
});
