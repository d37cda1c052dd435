import { expect, it } from 'vitest';
import { normalizeBasic, tokenize, unitFor } from '../../backend/src/text/normalize.ts';

it.each([
  ['And so, my fellow Americans!', 'AND SO MY FELLOW AMERICANS'],
  ["  don't\n STOP\t“now” ", "DON'T STOP NOW"],
  ['don’t, rock ’n’ roll, dogs’ ‘quoted’', "DON'T ROCK N ROLL DOGS QUOTED"],
  ['well-known – 1,000', 'WELL KNOWN 1 000'],
  ['Größe, ça va, señor', 'GRÖSSE ÇA VA SEÑOR'],
  ['नमस्ते, दुनिया।', 'नमस्ते दुनिया'],
  ['Ｆｕｌｌ ｗｉｄｔｈ', 'FULL WIDTH'],
  ['é', 'É'],
  ['... -- ♪ !', ''],
])('%j becomes %j', (text, expected) => {
  expect(normalizeBasic(text)).toBe(expected);
});

it('gives words, or characters where words have no spaces between them', () => {
  expect(tokenize('Hello, world.', unitFor('en'))).toEqual(['HELLO', 'WORLD']);
  expect(tokenize('今日は、 世界。', unitFor('ja'))).toEqual(['今', '日', 'は', '世', '界']);
  expect(tokenize('𠮷野家', unitFor('zh'))).toEqual(['𠮷', '野', '家']);
  expect(tokenize('สวัสดี', unitFor('th'))).toHaveLength(6);
  expect(tokenize('', 'word')).toEqual([]);
  expect(unitFor(undefined)).toBe('word');
  expect(unitFor('ko')).toBe('word');
});
