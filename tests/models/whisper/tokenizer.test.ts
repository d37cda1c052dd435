import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../../../backend/src/models/whisper/tokenizer.ts';
import { readWhisperReference } from '../../fixtures/whisper/reference.ts';
import { describeWithShared, shared } from '../../support/shared.ts';
import { tinyTokenizer } from './support.ts';

describe('the tokenizer of the small models', () => {
  it('knows its special tokens, timestamps listed or not', async () => {
    const { kinds } = await readWhisperReference();
    for (const kind of ['multilingual', 'en', 'timestamped'] as const) {
      const { eot, timestampBegin, idOf } = await tinyTokenizer(kind);
      expect({ eot, timestampBegin }).toEqual({
        eot: kinds[kind].tokens.eot,
        timestampBegin: kinds[kind].tokens.timestamp_begin,
      });
      expect(idOf('<|startoftranscript|>')).toBe(kinds[kind].tokens.sot);
      expect(idOf('<|no such token|>')).toBeUndefined();
    }
  });

  it('encodes prompts as the reference does', async () => {
    const { cases, kinds } = await readWhisperReference();
    const prompted = cases.filter(({ previous }) => previous !== null);
    expect(prompted.length).toBeGreaterThan(50);
    const tokenizers = {
      multilingual: await tinyTokenizer('multilingual'),
      en: await tinyTokenizer('en'),
      timestamped: await tinyTokenizer('timestamped'),
    };
    for (const { kind, previous, prompt } of prompted) {
      expect(tokenizers[kind].encode(` ${previous}`)).toEqual(prompt.slice(1, prompt.indexOf(kinds[kind].tokens.sot)));
    }
  });

  it('groups tokens into words as the reference does, broken characters too', async () => {
    const { words, cases } = await readWhisperReference();
    const tokenizer = await tinyTokenizer('timestamped');
    for (const expected of words) {
      const found = cases.find(({ id }) => id === expected.case);
      const split = tokenizer.words(found?.tokens ?? [], found?.language ?? '');
      expect(split).toEqual(expected.words.map(({ word, tokens }) => ({ word, tokens })));
    }
    expect(words.some(({ words: split }) => split.some(({ word }) => word.includes('\uFFFD')))).toBe(true);
  });
});

describeWithShared("Whisper's own tokenizers", () => {
  const load = (name: string) => {
    const json = (file: string): object => JSON.parse(readFileSync(shared('hub/onnx-community', name, file), 'utf8'));
    return createTokenizer(json('tokenizer.json'), json('tokenizer_config.json'));
  };
  const tokenizer = load('whisper-tiny');

  it.each([
    [' The beach was a popular spot.', [440, 7534, 390, 257, 3743, 4008, 13]],
    [' 今日は良い天気です。', undefined],
    ['  Größe: 5 €, naïve 🙂\n', undefined],
  ])('%s survives the way there and back', (text, ids) => {
    const encoded = tokenizer.encode(text);
    if (ids !== undefined) expect(encoded).toEqual(ids);
    expect(tokenizer.decode(encoded)).toBe(text);
    expect(Buffer.concat(encoded.map(tokenizer.bytes)).toString()).toBe(text);
  });

  it('decodes text only', () => {
    const ids = [50258, 50259, 50359, 50364, ...tokenizer.encode(' Hi'), 50464, 50257];
    expect(tokenizer.decode(ids)).toBe(' Hi');
    expect(tokenizer.bytes(50364)).toHaveLength(0);
  });

  it("lets no special token in through a caller's prompt", () => {
    const ids = tokenizer.encode(' a<|endoftext|><|startoftranscript|> b');
    expect(Math.max(...ids)).toBeLessThan(tokenizer.eot);
    expect(tokenizer.decode(ids)).toBe(' a b');
  });

  it('splits words at spaces and punctuation, and by characters where words are not spaced', () => {
    const spell = (text: string, language: string) =>
      tokenizer.words(tokenizer.encode(text), language).map(({ word }) => word);
    expect(spell(" Don't stop, naïve one!", 'en')).toEqual([" Don't", ' stop', ',', ' naïve', ' one', '!']);
    // A rare character is several tokens, which no word divides.
    const japanese = '今日は良い天気です、鸚鵡。';
    expect(spell(japanese, 'ja').join('')).toBe(japanese);
    expect(spell(japanese, 'ja').length).toBeGreaterThan(5);
    expect(spell(japanese, 'ja')).toContain('鸚');
    expect(spell(japanese, 'de')).toEqual([japanese]);
    expect(tokenizer.words([], 'en')).toEqual([]);
  });

  it('knows the English one, whose ids are lower by one', () => {
    expect(load('whisper-tiny.en')).toMatchObject({ eot: 50256, timestampBegin: 50363 });
    expect(tokenizer).toMatchObject({ eot: 50257, timestampBegin: 50364 });
  });
});
