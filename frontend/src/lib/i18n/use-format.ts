import { createFormat, type Format } from './format.ts';
import { useLanguage } from './language.ts';
import type { Language } from './languages.ts';

const made = new Map<Language, Format>();

/** Bytes, rates, durations and times in the page's language. */
export function useFormat(): Format {
  const language = useLanguage();
  const known = made.get(language);
  if (known !== undefined) return known;
  const format = createFormat(language);
  made.set(language, format);
  return format;
}
