/**
 * What the reference's text normalisers share (openai/whisper, normalizers/basic.py): words, spaces and symbols of all
 * scripts, in the sense Python gives them.
 */

/** Edges of a word for regular expressions with the `u` flag; `\b` knows ASCII alone. */
export const WORD_START = '(?<![\\p{L}\\p{N}_])';
export const WORD_END = '(?![\\p{L}\\p{N}_])';

/** One white space of Python's `\s`: JavaScript's lacks U+001C to U+001F and U+0085, and has U+FEFF. */
export const SPACE = '[\\p{White_Space}\\x1c-\\x1f]';
const ANY_SPACE = new RegExp(SPACE, 'gu');

/** Letters that NFKD leaves whole. */
const LETTERS_WITHOUT_DIACRITIC = new Map(
  Object.entries({
    œ: 'oe',
    Œ: 'OE',
    ø: 'o',
    Ø: 'O',
    æ: 'ae',
    Æ: 'AE',
    ß: 'ss',
    ẞ: 'SS',
    đ: 'd',
    Đ: 'D',
    ð: 'd',
    Ð: 'D',
    þ: 'th',
    Þ: 'th',
    ł: 'l',
    Ł: 'L',
  }),
);

/** Every white space becomes U+0020, so that no later rule has to know the others. */
export function unifySpaces(text: string): string {
  return text.replace(ANY_SPACE, ' ');
}

export function splitWords(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

/** Drops what stands in `[]`, `<>` or non-empty `()`: stage directions, speakers' names. */
export function removeBracketed(text: string): string {
  return text.replace(/[<[][^>\]]*[>\]]/g, '').replace(/\([^)]+?\)/g, '');
}

/** Marks, symbols and punctuation become spaces. Composed letters (NFKC) keep their diacritics. */
export function removeSymbols(text: string): string {
  return text.normalize('NFKC').replace(/[\p{M}\p{S}\p{P}]/gu, ' ');
}

/** As `removeSymbols`, but letters lose their diacritics, and the characters of `keep` stay. */
export function removeSymbolsAndDiacritics(text: string, keep = ''): string {
  return text.normalize('NFKD').replace(/[^ a-z0-9]/gu, (character) => {
    if (keep.includes(character)) return character;
    const plain = LETTERS_WITHOUT_DIACRITIC.get(character);
    if (plain !== undefined) return plain;
    if (/\p{Mn}/u.test(character)) return '';
    return /[\p{M}\p{S}\p{P}]/u.test(character) ? ' ' : character;
  });
}
