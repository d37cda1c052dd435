import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LANGUAGE_CODES, languageName, parseLanguage } from '../../backend/src/text/languages.ts';
import { describeWithShared, shared } from '../support/shared.ts';

describe('languageName', () => {
  it.each([
    ['en', 'english'],
    ['ht', 'haitian creole'],
    ['yue', 'cantonese'],
    ['haw', 'hawaiian'],
    ['jw', 'javanese'],
    ['my', 'myanmar'],
  ])('%s is %s', (code, name) => {
    expect(languageName(code)).toBe(name);
  });

  it('knows Whisper’s 100 languages, and each name leads back to its code', () => {
    expect(new Set(LANGUAGE_CODES).size).toBe(100);
    for (const code of LANGUAGE_CODES) expect(parseLanguage(languageName(code) ?? '')).toBe(code);
  });

  it('of anything else is undefined', () => {
    expect(languageName('xx')).toBeUndefined();
    expect(languageName('EN')).toBeUndefined();
    expect(languageName('constructor')).toBeUndefined();
  });
});

describe('parseLanguage', () => {
  it.each([
    ['en', 'en'],
    ['EN', 'en'],
    [' en ', 'en'],
    ['en-US', 'en'],
    ['en_GB', 'en'],
    ['eng', 'en'],
    ['english', 'en'],
    ['English', 'en'],
    ['zh-cn', 'zh'],
    ['zh-Hant-TW', 'zh'],
    ['zh-HK', 'zh'],
    ['cmn', 'zh'],
    ['mandarin', 'zh'],
    ['zh-yue', 'yue'],
    ['yue-HK', 'yue'],
    ['fil', 'tl'],
    ['fil-PH', 'tl'],
    ['ger', 'de'],
    ['deu', 'de'],
    ['nb', 'no'],
    ['nn', 'nn'],
    ['iw', 'he'],
    ['jv', 'jw'],
    ['haitian', 'ht'],
    ['Haitian Creole', 'ht'],
    ['castilian', 'es'],
    ['burmese', 'my'],
  ])('%s is %s', (input, code) => {
    expect(parseLanguage(input)).toBe(code);
  });

  it.each(['', ' ', 'xx', 'xx-US', 'english-US', 'en-', '-en', 'en US', 'klingon', 'constructor', '__proto__', 'e'])(
    'refuses %j',
    (input) => {
      expect(parseLanguage(input)).toBeUndefined();
    },
  );
});

describeWithShared('languages and Whisper’s vocabulary', () => {
  it('has a code for each of its language tokens', () => {
    const config = JSON.parse(
      readFileSync(shared('hub/onnx-community/whisper-tiny/generation_config.json'), 'utf8'),
    ) as { lang_to_id: Record<string, number> };
    const codes = Object.keys(config.lang_to_id).map((token) => token.slice(2, -2));
    expect(codes).toHaveLength(99); // the hundredth, Cantonese, came with large-v3
    expect(codes.filter((code) => !LANGUAGE_CODES.includes(code))).toEqual([]);
  });
});
