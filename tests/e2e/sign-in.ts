/** Signing in as a person does. */
import type { Page } from 'playwright-core';

export interface SignInOptions {
  /** Kept in the tab, the key survives `page.goto` and `page.reload`. */
  keepIn?: 'memory' | 'tab';
  language?: 'en' | 'fr';
}

const WORDS = {
  en: { key: 'API key', tab: 'until this tab is closed', signIn: 'Sign in' },
  fr: { key: 'Clé d’API', tab: 'jusqu’à la fermeture de l’onglet', signIn: 'Se connecter' },
};

/** Fills the form; what comes of it is the test's to see. */
export async function signIn(page: Page, key: string, { keepIn, language = 'en' }: SignInOptions = {}): Promise<void> {
  const words = WORDS[language];
  await page.getByLabel(words.key, { exact: true }).fill(key);
  if (keepIn === 'tab') await page.getByLabel(words.tab).check();
  await page.getByRole('button', { name: words.signIn, exact: true }).click();
}
