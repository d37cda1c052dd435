/** A feature's texts: English gives the keys and the placeholders, every language is loaded when it is needed. */
import { applyLanguage, getLanguage } from './language.ts';
import type { Language } from './languages.ts';
import type { Messages, Translation } from './message.ts';

export type { Translation } from './message.ts';

export interface Catalogue<English extends Messages> {
  /** The same promise every time, so that React's `use` knows it. */
  load(language: Language): Promise<Translation<English>>;
}

type Loaders<English extends Messages> = {
  en: () => Promise<{ default: English }>;
} & Record<Exclude<Language, 'en'>, () => Promise<{ default: NoInfer<Translation<English>> }>>;

/** How long a file that could not be fetched counts as failed. */
const RETRY_MS = 5_000;

const all = new Set<Catalogue<Messages>>();

/** Begins to load the present language at once: the chunk travels beside the page that will show it. */
export function catalogue<English extends Messages>(loaders: Loaders<English>): Catalogue<English> {
  const loading = new Map<Language, Promise<Translation<English>>>();
  const load = (language: Language) => {
    const begun = loading.get(language);
    if (begun !== undefined) return begun;
    const loaded = loaders[language]().then((module) => module.default as Translation<English>);
    loading.set(language, loaded);
    loaded.then(
      // As React marks it itself: what is there is shown without a moment's wait.
      (value) => Object.assign(loaded, { status: 'fulfilled', value }),
      // Not at once: whoever renders would ask again without end.
      () => setTimeout(() => loading.delete(language), RETRY_MS),
    );
    return loaded;
  };
  const made: Catalogue<English> = { load };
  all.add(made as Catalogue<Messages>);
  void load(getLanguage()).catch(() => {});
  return made;
}

/** Loads every catalogue that is in use, then switches: the page never shows two languages, nor a gap. */
export async function setLanguage(language: Language): Promise<void> {
  await loadTexts(language);
  applyLanguage(language);
}

/** Those of every catalogue that is in use. */
export async function loadTexts(language = getLanguage()): Promise<void> {
  await Promise.all([...all].map((each) => each.load(language)));
}
