/** Text → comparable tokens for error rates. The normaliser is named `basic` beside every figure it leads to. */

export type Unit = 'word' | 'character';

/** Languages written without spaces between words: their error rate is counted on characters. */
const WITHOUT_SPACES = new Set(['ja', 'zh', 'yue', 'th', 'lo', 'km', 'my', 'bo']);

/** @param language code as `parseLanguage` returns it; undefined counts words. */
export function unitFor(language: string | undefined): Unit {
  return language !== undefined && WITHOUT_SPACES.has(language) ? 'character' : 'word';
}

/**
 * Upper case, no punctuation, single spaces. Letters, digits and marks of every script stay, and so does an apostrophe
 * inside a word (`don’t` → `DON'T`); all else, the hyphen included, separates words. Compatibility forms are unified
 * (NFKC: full-width letters, ligatures).
 */
export function normalizeBasic(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[’ʼ]/g, "'")
    .replace(/(?<![\p{L}\p{N}\p{M}])'|'(?![\p{L}\p{N}\p{M}])/gu, ' ')
    .replace(/[^\p{L}\p{N}\p{M}']+/gu, ' ')
    .trim();
}

/** Words, or code points without the spaces. */
export function tokenize(text: string, unit: Unit): string[] {
  const normalized = normalizeBasic(text);
  if (unit === 'character') return [...normalized.replaceAll(' ', '')];
  return normalized === '' ? [] : normalized.split(' ');
}
