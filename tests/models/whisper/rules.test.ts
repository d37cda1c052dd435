import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../backend/src/models/random.ts';
import { chooseToken } from '../../../backend/src/models/whisper/sample-token.ts';
import { seedOf } from '../../../backend/src/models/whisper/seed-of.ts';
import { applyRules, logSumExp, type TokenRules } from '../../../backend/src/models/whisper/token-rules.ts';

/** Text 0–5, end 6, another special token 7, `<|notimestamps|>` 8, timestamps 9–14. */
const RULES: TokenRules = {
  eot: 6,
  noTimestamps: 8,
  timestampBegin: 9,
  suppress: [5, 7],
  beginSuppress: [0, 6],
  timestamps: true,
  maxInitialTimestampIndex: 2,
};

/** Tokens still possible after `written`; the scores are alike unless given. */
function possible(written: number[], rules: Partial<TokenRules> = {}, scores: Record<number, number> = {}): number[] {
  const logits = new Float32Array(15);
  for (const [token, score] of Object.entries(scores)) logits[Number(token)] = score;
  applyRules({ ...RULES, ...rules }, written, logits);
  return [...logits.keys()].filter((token) => logits[token] !== Number.NEGATIVE_INFINITY);
}

/** Text so likely that timestamps do not win together. */
const TEXT = { 1: 9 };

describe('token rules', () => {
  it('without timestamps only suppress', () => {
    expect(possible([], { timestamps: false })).toEqual([1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14]);
    expect(possible([1], { timestamps: false })).toEqual([0, 1, 2, 3, 4, 6, 8, 9, 10, 11, 12, 13, 14]);
    expect(possible([1], { timestamps: false, suppress: [] })).toHaveLength(15);
  });

  it('the first token is a timestamp, up to the limit', () => {
    expect(possible([], {}, TEXT)).toEqual([9, 10, 11]);
    expect(possible([], { maxInitialTimestampIndex: undefined }, TEXT)).toEqual([9, 10, 11, 12, 13, 14]);
  });

  it('after the first timestamp comes text, or the end', () => {
    expect(possible([10], {}, TEXT)).toEqual([0, 1, 2, 3, 4, 6]);
  });

  it('text may go on, or a later timestamp end the segment', () => {
    expect(possible([10, 1], {}, TEXT)).toEqual([0, 1, 2, 3, 4, 6, 11, 12, 13, 14]);
  });

  it('an ended segment is followed by a timestamp not before it, or the end', () => {
    expect(possible([10, 1, 12], {}, { 6: 9 })).toEqual([6, 12, 13, 14]);
  });

  it('a pair is followed by text; timestamps never go back', () => {
    expect(possible([10, 1, 12, 12], {}, TEXT)).toEqual([0, 1, 2, 3, 4, 6]);
    expect(possible([10, 1, 12, 12, 2], {}, TEXT)).toEqual([0, 1, 2, 3, 4, 6, 13, 14]);
  });

  it('timestamps win when together they are likelier than each text token', () => {
    expect(possible([10, 1], {}, { 1: 1, 11: 0.5, 12: 0.5 })).toEqual([11, 12, 13, 14]);
    expect(possible([10, 1], {}, { 1: 3 })).toContain(1);
  });
});

describe('choosing', () => {
  it('takes the likeliest at temperature 0, and gives its log-probability', () => {
    const scores = Float32Array.of(0, 2, 1, Number.NEGATIVE_INFINITY);
    const { token, logprob } = chooseToken(scores, 0, () => 0.99);
    expect(token).toBe(1);
    expect(logprob).toBeCloseTo(2 - Math.log(1 + Math.E + Math.E ** 2), 6);
    expect(logSumExp(new Float32Array(3).fill(Number.NEGATIVE_INFINITY))).toBe(Number.NEGATIVE_INFINITY);
  });

  it('draws by the tempered probabilities, never what is forbidden', () => {
    const scores = Float32Array.of(Math.log(0.2), Number.NEGATIVE_INFINITY, Math.log(0.8));
    const random = createRandom(7);
    const counts = [0, 0, 0];
    for (let i = 0; i < 20_000; i += 1) {
      const { token } = chooseToken(scores, 0.5, random);
      counts[token] = (counts[token] ?? 0) + 1;
    }
    // Squared and normalised: 0.04 and 0.64 of 0.68.
    expect((counts[0] ?? 0) / 20_000).toBeCloseTo(0.04 / 0.68, 2);
    expect(counts[1]).toBe(0);
  });

  it('draws every token of a large vocabulary as often as it should, whatever came before', () => {
    const size = 40;
    // Far apart in id, unequal, and the most of the vocabulary impossible.
    const scores = new Float32Array(5000).fill(Number.NEGATIVE_INFINITY);
    const ids = Array.from({ length: size }, (_, i) => 124 * i + (i % 3));
    for (const [i, id] of ids.entries()) scores[id] = (i % 7) / 3;
    const weights = ids.map((id) => Math.exp((scores[id] ?? 0) / 0.7));
    const whole = weights.reduce((sum, weight) => sum + weight, 0);
    const random = createRandom(11);
    const draws = 12_000;
    const counts = new Map<number, number>();
    const pairs = [0, 0, 0, 0];
    let before = 0;
    const likely = new Set(ids.filter((_, i) => i % 7 >= 4));
    for (let i = 0; i < draws; i += 1) {
      const { token } = chooseToken(scores, 0.7, random);
      counts.set(token, (counts.get(token) ?? 0) + 1);
      const now = likely.has(token) ? 1 : 0;
      pairs[2 * before + now] = (pairs[2 * before + now] ?? 0) + 1;
      before = now;
    }
    const deviation = ids.map((id, i) => {
      const expected = (draws * (weights[i] ?? 0)) / whole;
      return ((counts.get(id) ?? 0) - expected) ** 2 / expected;
    });
    // Chi-square with 39 degrees of freedom: above 72.1 once in 1,000.
    expect(deviation.reduce((sum, value) => sum + value, 0)).toBeLessThan(72.1);
    const [ll = 0, lh = 0, hl = 0, hh = 0] = pairs;
    expect(lh / (ll + lh)).toBeCloseTo(hh / (hl + hh), 1);
    expect(ids).toEqual(expect.arrayContaining([...counts.keys()]));
  });

  it('hardly ever draws another token for a rounding of the scores', () => {
    const random = createRandom(5);
    const scores = Float32Array.from({ length: 2000 }, () => 3 * random());
    const noisy = Array.from({ length: 4 }, () => scores.map((score) => score + 1e-5 * (random() - 0.5)));
    const draws = Array.from({ length: 500 }, () => random());
    const tokens = draws.map((draw) => chooseToken(scores, 0.5, () => draw).token);
    const others = noisy.flatMap((near) =>
      draws.filter((draw, i) => chooseToken(near, 0.5, () => draw).token !== tokens[i]),
    );
    expect(others.length).toBeLessThanOrEqual(1);
    expect(new Set(tokens).size).toBeGreaterThan(300);
  });

  it('has a seed for every piece of audio and temperature', () => {
    const pcm = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i));
    const other = pcm.slice();
    other[500] = 0.25;
    const shifted = new Float32Array([0, ...pcm]);
    const seeds = [
      seedOf(pcm, 0.2),
      seedOf(pcm, 0.4),
      seedOf(other, 0.2),
      seedOf(shifted, 0.2),
      seedOf(pcm.slice(1), 0.2),
    ];
    expect(new Set(seeds).size).toBe(seeds.length);
    expect(seedOf(shifted.subarray(1), 0.2)).toBe(seeds[0]);
    expect(seedOf(new Float32Array(0), 0.2)).not.toBe(seedOf(new Float32Array(1), 0.2));
  });

  it('repeats itself from a seed, and differs between seeds', () => {
    const sequence = (seed: number) => Array.from({ length: 5 }, createRandom(seed));
    expect(sequence(3)).toEqual(sequence(3));
    expect(sequence(3)).not.toEqual(sequence(4));
    for (const value of Array.from({ length: 1000 }, createRandom(1))) {
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThan(1);
    }
  });
});
