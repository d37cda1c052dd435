import { catalogue } from '../../lib/i18n/catalogue.ts';

/** Texts of what plays and draws sound. */
export const messages = catalogue({
  en: () => import('./messages.en.ts'),
  fr: () => import('./messages.fr.ts'),
});
