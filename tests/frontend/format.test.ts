import { expect, test } from 'vitest';
import { createFormat } from '../../frontend/src/lib/i18n/format.ts';

const en = createFormat('en');
const fr = createFormat('fr');
/** Whatever space a language puts before a unit, a line must not break there. */
const plain = (text: string) => {
  expect(text).not.toMatch(/\d [a-zA-Z]+$/);
  return text.replaceAll(/[\u00a0\u202f]/g, ' ');
};

test.each([
  [0, '0 B'],
  [1, '1 B'],
  [999, '999 B'],
  [1_000, '1 kB'],
  [1_536, '1.54 kB'],
  [99_940, '99.9 kB'],
  [99_960, '100 kB'],
  [999_499, '999 kB'],
  [999_500, '1 MB'],
  [312_400_000, '312 MB'],
  [3_094_000_000, '3.09 GB'],
  [12_345_678_901, '12.3 GB'],
  [5e15, '5000 TB'],
])('%i is written %s', (bytes, text) => {
  expect(en.bytes(bytes)).toBe(text.replace(' ', '\u00a0'));
});

test('French has its own units and comma', () => {
  expect(plain(fr.bytes(1_536))).toBe('1,54 ko');
  expect(plain(fr.bytes(3_094_000_000))).toBe('3,09 Go');
  expect(plain(fr.rate(212_000_000))).toBe('212 Mo/s');
  expect(plain(en.rate(212_000_000))).toBe('212 MB/s');
});

test.each([
  [0, '0 s', '0 s'],
  [0.25, '0.3 s', '0,3 s'],
  [9.94, '9.9 s', '9,9 s'],
  [9.96, '10 s', '10 s'],
  [59.6, '1 min', '1 min'],
  [125, '2 min 5 s', '2 min 5 s'],
  [3_600, '1 h', '1 h'],
  [3_780, '1 h 3 min', '1 h 3 min'],
  [100_000, '1 d 3 h', '1 j 3 h'],
])('%d s last %s', (seconds, inEnglish, inFrench) => {
  expect(en.duration(seconds).replaceAll('\u00a0', ' ')).toBe(inEnglish);
  expect(fr.duration(seconds).replaceAll('\u00a0', ' ')).toBe(inFrench);
});

test.each([
  [0, '0:00'],
  [62.9, '1:02'],
  [3_602, '1:00:02'],
])('%d s into a recording is %s', (seconds, text) => {
  expect(en.clock(seconds)).toBe(text);
});

test('times are relative to now, in the unit that tells most', () => {
  expect(en.relative(1_000, 1_030)).toBe('30 seconds ago');
  expect(en.relative(1_000, 1_180)).toBe('3 minutes ago');
  expect(en.relative(10_000, 2_800)).toBe('in 2 hours');
  expect(fr.relative(0, 172_800)).toBe('avant-hier');
});
