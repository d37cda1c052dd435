import { catalogue } from '../../lib/i18n/catalogue.ts';

/** What the server's error codes mean (`code`) and what to do (`code_fix`); a code without one shows the server's own message alone. */
export const errorCodes = catalogue({
  en: () => import('./messages.en.ts'),
  fr: () => import('./messages.fr.ts'),
});
