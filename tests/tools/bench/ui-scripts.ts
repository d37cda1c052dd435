/** What each address of the dashboard makes a browser fetch, when nothing is cached. */
import type { Browser } from 'playwright-core';
import { compressedBytes, loadedScripts, SCREENS } from '../../e2e/dashboard-screens.ts';
import { signIn } from '../../e2e/sign-in.ts';
import { ADMIN_KEY } from './ui-gateway.ts';

export interface RouteScripts {
  path: string;
  scripts: number;
  /** As the build compressed them. */
  brotliBytes: number;
}

export async function weighRoutes(browser: Browser, url: string, dist: string): Promise<RouteScripts[]> {
  const context = await browser.newContext({ locale: 'en' });
  try {
    const page = await context.newPage();
    await page.goto(url);
    await signIn(page, ADMIN_KEY, { keepIn: 'tab' });
    const weights: RouteScripts[] = [];
    for (const [path, heading] of SCREENS) {
      await page.goto(url + path);
      await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
      await page.waitForLoadState('load');
      const scripts = await loadedScripts(page);
      weights.push({ path, scripts: scripts.length, brotliBytes: await compressedBytes(dist, scripts, '.br') });
    }
    return weights;
  } finally {
    await context.close();
  }
}
