/** The first screen's code and texts: until they are there, the page shows what `index.html` holds. */
import { getSession } from '../api/session.ts';
import { loadTexts } from '../lib/i18n/catalogue.ts';
import { untilIdle } from '../lib/until-idle.ts';
import type { LazyScreen } from './lazy-page.tsx';
import { router } from './router.tsx';
import { SignInPage } from './shell/sign-in-page.ts';

/** Also resolves when something is missing: the screens themselves say so. */
export async function loadFirstScreen(): Promise<void> {
  const isSignedOut = getSession().state === 'signed-out';
  await Promise.all([router.load(), isSignedOut && SignInPage.preload()]).catch(() => {});
  await loadTexts().catch(() => {});
  // The screen behind the sign-in page comes while the key is typed.
  if (isSignedOut) void untilIdle().then(loadScreen);
}

/** A file that is missing is told when the screen is drawn. */
function loadScreen(): void {
  for (const { routeId } of router.state.matches) {
    const { component }: { component?: object } = router.routesById[routeId]?.options ?? {};
    if (component !== undefined && 'load' in component) (component as LazyScreen).load().catch(() => {});
  }
}
