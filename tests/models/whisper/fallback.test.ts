import { describe, expect, it } from 'vitest';
import { compressionRatio } from '../../../backend/src/models/whisper/compression-ratio.ts';
import {
  type AttemptQuality,
  decodeWithFallback,
  isSilence,
  needsFallback,
  temperaturesFor,
} from '../../../backend/src/models/whisper/fallback.ts';
import { readWhisperReference } from '../../fixtures/whisper/reference.ts';

const GOOD: AttemptQuality = { compressionRatio: 1.5, avgLogprob: -0.3, noSpeechProb: 0.1 };

describe('compression ratio', () => {
  it("equals the reference's, but for the matches that Node's build of zlib overlooks", async () => {
    const { compressions } = await readWhisperReference();
    expect(compressions.length).toBeGreaterThan(5);
    for (const { text, ratio } of compressions) {
      expect(Math.abs(compressionRatio(text) / ratio - 1), text).toBeLessThan(0.05);
      expect(compressionRatio(text) > 2.4, text).toBe(ratio > 2.4);
    }
    expect(compressionRatio('')).toBe(0);
  });
});

/** openai/whisper, transcribe.py: decode_with_fallback and the check behind it, as they stand there. */
function reference({ compressionRatio: ratio, avgLogprob, noSpeechProb }: AttemptQuality) {
  let fallback = false;
  if (ratio > 2.4) fallback = true;
  if (avgLogprob < -1) fallback = true;
  if (noSpeechProb > 0.6 && avgLogprob < -1) fallback = false;
  let skip = noSpeechProb > 0.6;
  if (avgLogprob > -1) skip = false;
  return { fallback, skip };
}

describe('the decisions', () => {
  it("equal the reference's on and around every threshold", () => {
    for (const ratio of [0, 2.3999, 2.4, 2.4001, 10]) {
      for (const avgLogprob of [-20, -1.0001, -1, -0.9999, -0.2, 0]) {
        for (const noSpeechProb of [0, 0.5999, 0.6, 0.6001, 1]) {
          const quality = { compressionRatio: ratio, avgLogprob, noSpeechProb };
          const made = { fallback: needsFallback(quality), skip: isSilence(quality) };
          expect(made, JSON.stringify(quality)).toEqual(reference(quality));
        }
      }
    }
  });

  it('retry a loop even where there may be no speech, and a guess unless there is none', () => {
    expect(needsFallback({ ...GOOD, compressionRatio: 3, noSpeechProb: 0.9 })).toBe(true);
    expect(needsFallback({ ...GOOD, avgLogprob: -1.5 })).toBe(true);
    expect(needsFallback({ ...GOOD, avgLogprob: -1.5, noSpeechProb: 0.9 })).toBe(false);
  });

  it('withhold text only where the model is unsure of it too', () => {
    expect(isSilence({ ...GOOD, noSpeechProb: 0.99 })).toBe(false);
    expect(isSilence({ ...GOOD, noSpeechProb: 0.61, avgLogprob: -1.1 })).toBe(true);
  });
});

describe('temperature fallback', () => {
  async function run(attempts: readonly AttemptQuality[], requested = 0) {
    const tried: number[] = [];
    const result = await decodeWithFallback(async (temperature) => {
      tried.push(temperature);
      return { ...(attempts[tried.length - 1] ?? GOOD), number: tried.length };
    }, temperaturesFor(requested));
    return { tried, number: result.number, temperature: result.temperature };
  }
  const guess = { ...GOOD, avgLogprob: -2 };

  it('is content with a first attempt that is good', async () => {
    expect(await run([GOOD])).toEqual({ tried: [0], number: 1, temperature: 0 });
  });

  it('goes on until an attempt is good', async () => {
    const loop = { ...GOOD, compressionRatio: 9 };
    expect(await run([loop, guess, GOOD])).toEqual({ tried: [0, 0.2, 0.4], number: 3, temperature: 0.4 });
  });

  it('stands by the last attempt when none is', async () => {
    const made = await run(Array(6).fill(guess));
    expect(made).toEqual({ tried: [0, 0.2, 0.4, 0.6, 0.8, 1], number: 6, temperature: 1 });
  });

  it("tries a caller's own temperature only", async () => {
    expect(await run([guess], 0.4)).toEqual({ tried: [0.4], number: 1, temperature: 0.4 });
  });
});
