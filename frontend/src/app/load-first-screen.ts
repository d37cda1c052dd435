/** The first screen's code and texts: until they are there, the page shows what `index.html` holds. */
import { getSession } from '../api/session.ts';
import { loadTexts } from '../lib/i18n/catalogue.ts';
import { router } from './router.tsx';
import { SignInPage } from './shell/sign-in-page.ts';

/** Also resolves when something is missing: the screens themselves say so. */
export async function loadFirstScreen(): Promise<void> {
  const isSignedOut = getSession().state === 'signed-out';
  await Promise.all([router.load(), isSignedOut && SignInPage.preload()]).catch(() => {});
  await loadTexts().catch(() => {});
}
