/** Every address of the dashboard against a real gateway: opens by itself, is accessible in every look, fits a phone. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/start-app.ts';
import {
  axeViolations,
  fitsWidth,
  hasNoBrowser,
  NARROW,
  signIn,
  useDashboardBrowser,
  WIDE,
} from './dashboard-browser.ts';
import { compressedBytes, loadedScripts, SCREENS } from './dashboard-screens.ts';

/** Every screen in each scheme, each language and each width, every two of them together once. */
const LOOKS = [
  { locale: 'en', colorScheme: 'light', size: WIDE },
  { locale: 'en', colorScheme: 'dark', size: NARROW },
  { locale: 'fr', colorScheme: 'dark', size: WIDE },
  { locale: 'fr', colorScheme: 'light', size: NARROW },
] as const;

describe.skipIf(hasNoBrowser)('screens', () => {
  const browser = useDashboardBrowser();
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ env: { FRONTEND_DIST: browser.dist } });
  });
  afterAll(() => app.close());

  test.each(LOOKS)('in $locale, $colorScheme, $size.viewport.width px', async ({ locale, colorScheme, size }) => {
    const page = await browser.open(app.url, { ...size, locale, colorScheme });
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await axeViolations(page), 'sign-in').toEqual([]);
    await signIn(page, app.adminKey, { language: locale });
    await page
      .getByRole('navigation')
      .or(page.getByRole('button', { name: /navigation/ }))
      .first()
      .waitFor();
    // The first screen comes with its code; the others are timed.
    await page.getByRole('heading', { level: 1, name: /^(Overview|Vue d’ensemble)$/ }).waitFor();
    for (const [path, en, fr] of SCREENS) {
      await page.evaluate(`history.pushState(null, '', ${JSON.stringify(path)})`);
      const heading = page.getByRole('heading', { level: 1 });
      await expect.poll(() => heading.allTextContents(), { message: path }).toEqual([locale === 'en' ? en : fr]);
      expect(await page.evaluate('document.documentElement.lang')).toBe(locale);
      await page.getByRole('status', { name: /Loading…|Chargement…/ }).waitFor({ state: 'detached' });
      expect(await axeViolations(page), path).toEqual([]);
      expect(await fitsWidth(page), path).toBe(true);
    }
  });

  test('the shell is at most 150 KiB of script, as a browser gets it', async () => {
    const html = await readFile(join(browser.dist, 'index.html'), 'utf8');
    const scripts = [...html.matchAll(/\/assets\/[\w.-]+\.js/g)].map(([path]) => path);
    expect(scripts.length).toBeGreaterThan(1);
    expect(await compressedBytes(browser.dist, scripts, '.br')).toBeLessThanOrEqual(150 * 1024);
  });

  test('each opens by its address and after a reload, with little script', async () => {
    const page = await browser.open(`${app.url}/models?state=ready`);
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    await signIn(page, app.adminKey, { keepIn: 'tab' });
    await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor();
    expect(page.url()).toBe(`${app.url}/models?state=ready`);
    for (const [path, heading] of SCREENS) {
      await page.goto(app.url + path);
      await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
      await page.waitForLoadState('load');
      expect(page.url()).toBe(app.url + path);
      const scripts = await loadedScripts(page);
      expect(scripts.length).toBeGreaterThan(3);
      expect(await compressedBytes(browser.dist, scripts, '.gz'), path).toBeLessThanOrEqual(240 * 1024);
    }
  });
});
