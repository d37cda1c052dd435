import { catalogue } from '../../lib/i18n/catalogue.ts';

export const messages = catalogue({
  en: () => import('./messages.en.ts'),
  fr: () => import('./messages.fr.ts'),
});
