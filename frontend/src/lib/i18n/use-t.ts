import { use } from 'react';
import type { Catalogue } from './catalogue.ts';
import { useLanguage } from './language.ts';
import type { Messages, Translation } from './message.ts';
import { type Translate, translator } from './translate.ts';

/** By their texts, which are of one language: a list's thousand cells share one. */
const made = new WeakMap<object, unknown>();

/** The texts of a catalogue in the page's language; suspends while they are on their way. The same function every time. */
export function useT<English extends Messages>(catalogue: Catalogue<English>): Translate<English> {
  const language = useLanguage();
  const texts: Translation<English> = use(catalogue.load(language));
  const known = made.get(texts) as Translate<English> | undefined;
  if (known !== undefined) return known;
  const t = translator<English>(texts, language);
  made.set(texts, t);
  return t;
}
