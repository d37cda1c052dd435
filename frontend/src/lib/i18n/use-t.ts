import { use, useMemo } from 'react';
import type { Catalogue } from './catalogue.ts';
import { useLanguage } from './language.ts';
import type { Messages } from './message.ts';
import { type Translate, translator } from './translate.ts';

/** The texts of a catalogue in the page's language; suspends while they are on their way. */
export function useT<English extends Messages>(catalogue: Catalogue<English>): Translate<English> {
  const language = useLanguage();
  const texts = use(catalogue.load(language));
  return useMemo(() => translator<English>(texts, language), [texts, language]);
}
