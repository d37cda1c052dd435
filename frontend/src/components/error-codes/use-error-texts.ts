import { use } from 'react';
import { useLanguage } from '../../lib/i18n/language.ts';
import { errorCodes } from './messages.ts';

export interface ErrorTexts {
  title: string;
  fix: string;
}

/** What a code of the server's catalogue means in the page's language; undefined for those that have no words here. */
export function useErrorTexts(code: string | undefined): ErrorTexts | undefined {
  const texts: Readonly<Record<string, string>> = use(errorCodes.load(useLanguage()));
  if (code === undefined) return undefined;
  const title = texts[code];
  const fix = texts[`${code}_fix`];
  return title === undefined || fix === undefined ? undefined : { title, fix };
}
