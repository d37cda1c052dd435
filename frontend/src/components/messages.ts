import { catalogue } from '../lib/i18n/catalogue.ts';

/** Texts of the components that every screen shares. */
export const messages = catalogue({
  en: () => import('./messages.en.ts'),
  fr: () => import('./messages.fr.ts'),
});
