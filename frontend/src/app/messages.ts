import { catalogue } from '../lib/i18n/catalogue.ts';

/** Texts of the shell: header, sidebar, sign-in. */
export const messages = catalogue({
  en: () => import('./messages.en.ts'),
  fr: () => import('./messages.fr.ts'),
});
