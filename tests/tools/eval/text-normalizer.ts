/** The normalisers an evaluation can choose from, and how a clip's text becomes the tokens its error rate counts. */
import { normalizeEnglish } from '../../../backend/src/text/english-normalizer.ts';
import { normalizeMultilingual } from '../../../backend/src/text/multilingual-normalizer.ts';
import { tokenize, type Unit, unitFor } from '../../../backend/src/text/normalize.ts';
import { splitWords } from '../../../backend/src/text/symbols.ts';

/** `basic`: this project's own, for all languages. `whisper`: those of openai/whisper. */
export const NORMALIZERS = ['basic', 'whisper'] as const;
export type Normalizer = (typeof NORMALIZERS)[number];

export interface Tokenizer {
  /** What is named beside the figure. */
  normalizer: 'basic' | 'whisper-english' | 'whisper-basic';
  unit: Unit;
  tokenize(text: string): string[];
}

/** @param language code as `parseLanguage` returns it; undefined is not taken for English. */
export function tokenizerFor(normalizer: Normalizer, language: string | undefined): Tokenizer {
  const unit = unitFor(language);
  if (normalizer === 'basic') return { normalizer, unit, tokenize: (text) => tokenize(text, unit) };
  if (language === 'en') {
    return { normalizer: 'whisper-english', unit, tokenize: (text) => splitWords(normalizeEnglish(text)) };
  }
  const options = { splitLetters: unit === 'character' };
  return { normalizer: 'whisper-basic', unit, tokenize: (text) => splitWords(normalizeMultilingual(text, options)) };
}
