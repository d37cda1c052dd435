import { expect, test } from 'vitest';
import { parseSearch, stringifySearch } from '../../frontend/src/app/search-params.ts';

test.each([
  ['', {}],
  ['?state=failed', { state: 'failed' }],
  ['?request=123&gpu=0&gpu=1', { request: '123', gpu: ['0', '1'] }],
  ['?q=a+b%26c', { q: 'a b&c' }],
])('%s is read and written', (text, search) => {
  expect(parseSearch(text)).toEqual(search);
  expect(stringifySearch(search)).toBe(text);
});

test('what is empty is not written', () => {
  expect(stringifySearch({ q: '', state: undefined, gpu: [] })).toBe('');
});
