/** The reference's normalisers: what they were recorded to make of texts (tests/fixtures/text/README.md). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { normalizeEnglish } from '../../backend/src/text/english-normalizer.ts';
import { normalizeMultilingual } from '../../backend/src/text/multilingual-normalizer.ts';
import { countErrors, errorRate } from '../../backend/src/text/wer.ts';

type Normalizer = keyof typeof NORMALIZERS;

interface Inputs {
  texts: string[];
  pairs: { normalizer: Normalizer; reference: string; hypothesis: string }[];
}

interface Recorded {
  texts: Record<Normalizer, string>[];
  vocabulary: Record<string, string>;
  spellings: string;
  pairs: { reference: string; hypothesis: string; errors: number; wer: number }[];
}

const NORMALIZERS = {
  english: normalizeEnglish,
  basic: (text: string) => normalizeMultilingual(text),
  plain: (text: string) => normalizeMultilingual(text, { removeDiacritics: true }),
  letters: (text: string) => normalizeMultilingual(text, { splitLetters: true }),
  plainLetters: (text: string) => normalizeMultilingual(text, { removeDiacritics: true, splitLetters: true }),
};

const fixture = (name: string) => readFileSync(new URL(`../fixtures/text/${name}`, import.meta.url));
const inputs = JSON.parse(fixture('inputs.json').toString()) as Inputs;
const recorded = JSON.parse(gunzipSync(fixture('reference.json.gz')).toString()) as Recorded;

describe('the normalisers of the reference', () => {
  it('were recorded on enough', () => {
    expect(recorded.texts.length).toBe(inputs.texts.length);
    expect(recorded.texts.length).toBeGreaterThanOrEqual(150);
    expect(Object.keys(recorded.vocabulary).length).toBeGreaterThanOrEqual(400);
    expect(recorded.pairs.length).toBe(inputs.pairs.length);
    expect(recorded.pairs.length).toBeGreaterThanOrEqual(60);
  });

  it.each(inputs.texts.map((text, index) => [text, index] as const))('of %j', (text, index) => {
    const made = Object.entries(NORMALIZERS).map(([name, normalize]) => [name, normalize(text)]);
    expect(Object.fromEntries(made)).toEqual(recorded.texts[index]);
  });

  it('of every English number word and contraction', () => {
    const texts = Object.keys(recorded.vocabulary);
    expect(Object.fromEntries(texts.map((text) => [text, normalizeEnglish(text)]))).toEqual(recorded.vocabulary);
  });

  it('know the same American spellings', () => {
    const url = new URL('../../backend/src/text/english-spelling.json', import.meta.url);
    const table = Object.entries(JSON.parse(readFileSync(url, 'utf8')) as Record<string, string>).sort();
    expect(createHash('sha256').update(JSON.stringify(table)).digest('hex')).toBe(recorded.spellings);
  });
});

describe('error rates of the reference', () => {
  const words = (text: string) => text.split(' ').filter(Boolean);

  it.each(inputs.pairs.map((pair, index) => [pair.reference, pair.hypothesis, index] as const))(
    '%j heard as %j',
    (reference, hypothesis, index) => {
      const normalize = NORMALIZERS[inputs.pairs[index]?.normalizer ?? 'english'];
      const counts = countErrors(words(normalize(reference)), words(normalize(hypothesis)));
      expect({
        reference: normalize(reference),
        hypothesis: normalize(hypothesis),
        errors: counts.substitutions + counts.insertions + counts.deletions,
        wer: Number(errorRate(counts).toFixed(12)),
      }).toEqual({ ...recorded.pairs[index], wer: Number(recorded.pairs[index]?.wer.toFixed(12)) });
    },
  );
});
