/** The page's language: the reader's choice, else the browser's; remembered where storage is allowed. */
import { useSyncExternalStore } from 'react';
import { type Listenable, listeners } from '../listeners.ts';
import { localStore } from '../safe-storage.ts';
import type { Language } from './languages.ts';

const STORAGE_KEY = 'agw.language';

let current: Language = chosen() ?? preferred();
const changed: Listenable = listeners();

export function getLanguage(): Language {
  return current;
}

/** Catalogues that are on the page must be there before the switch: `catalogue.ts` sees to that. */
export function applyLanguage(language: Language): void {
  current = language;
  localStore.set(STORAGE_KEY, language);
  document.documentElement.lang = language;
  changed.tell();
}

export function useLanguage(): Language {
  return useSyncExternalStore(changed.subscribe, getLanguage);
}

function chosen(): Language | undefined {
  const kept = localStore.get(STORAGE_KEY);
  return kept === 'en' || kept === 'fr' ? kept : undefined;
}

function preferred(): Language {
  if (typeof navigator === 'undefined') return 'en';
  const first = navigator.languages.find((tag) => /^(en|fr)\b/i.test(tag));
  return first?.toLowerCase().startsWith('fr') ? 'fr' : 'en';
}
