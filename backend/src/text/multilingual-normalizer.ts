/**
 * The reference's normaliser for languages other than English (openai/whisper, `BasicTextNormalizer`), character for
 * character. It has nothing to do with this project's own `basic` (normalize.ts).
 */
import { removeBracketed, removeSymbols, removeSymbolsAndDiacritics, unifySpaces } from './symbols.ts';

interface Options {
  removeDiacritics?: boolean;
  /** A space between any two graphemes: error rates of the result count characters. */
  splitLetters?: boolean;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Lower case, no symbols, no brackets. As in the reference, a space may remain at either end. */
export function normalizeMultilingual(
  text: string,
  { removeDiacritics = false, splitLetters = false }: Options = {},
): string {
  const clean = removeDiacritics ? removeSymbolsAndDiacritics : removeSymbols;
  const letters = clean(removeBracketed(unifySpaces(text.toLowerCase()))).toLowerCase();
  const spaced = splitLetters ? Array.from(graphemes.segment(letters), ({ segment }) => segment).join(' ') : letters;
  return spaced.replace(/ +/g, ' ');
}
