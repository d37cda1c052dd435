/** Every address of the dashboard against a real gateway: opens by itself, is accessible in every look, fits a phone. */
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

/** Address → its heading in English and in French. */
const SCREENS: readonly [path: string, en: string, fr: string][] = [
  ['/', 'Overview', 'Vue d’ensemble'],
  ['/models', 'Models', 'Modèles'],
  ['/models/add', 'Add a model', 'Ajouter un modèle'],
  ['/models/fake%2Fecho', 'Model', 'Modèle'],
  ['/gpus', 'GPUs', 'GPU'],
  ['/jobs', 'Jobs', 'Tâches'],
  ['/jobs/job_none', 'Job', 'Tâche'],
  ['/playground', 'Playground', 'Essais'],
  ['/evaluate', 'Evaluate', 'Évaluation'],
  ['/keys', 'Keys', 'Clés'],
  ['/webhooks', 'Webhooks', 'Webhooks'],
  ['/webhooks/none', 'Webhook', 'Webhook'],
  ['/logs', 'Logs', 'Journaux'],
  ['/audit', 'Audit', 'Audit'],
  ['/settings', 'Settings', 'Réglages'],
  ['/docs', 'API docs', 'Documentation de l’API'],
];
const LOOKS = (['en', 'fr'] as const).flatMap((locale) =>
  (['light', 'dark'] as const).flatMap((colorScheme) => [
    { locale, colorScheme, width: 1440, options: { ...WIDE, locale, colorScheme } },
    { locale, colorScheme, width: 390, options: { ...NARROW, locale, colorScheme } },
  ]),
);

describe.skipIf(hasNoBrowser)('screens', () => {
  const browser = useDashboardBrowser();
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ env: { FRONTEND_DIST: browser.dist } });
  });
  afterAll(() => app.close());

  test.each(LOOKS)('in $locale, $colorScheme, $width px', async ({ locale, options }) => {
    const page = await browser.open(app.url, options);
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await axeViolations(page), 'sign-in').toEqual([]);
    await signIn(page, app.adminKey, { keepIn: 'tab', language: locale });
    await page
      .getByRole('navigation')
      .or(page.getByRole('button', { name: /navigation/ }))
      .first()
      .waitFor();
    for (const [path, en, fr] of SCREENS) {
      await page.goto(app.url + path);
      const heading = page.getByRole('heading', { level: 1 });
      await heading.waitFor();
      expect(await heading.allTextContents(), path).toEqual([locale === 'en' ? en : fr]);
      expect(await page.evaluate('document.documentElement.lang')).toBe(locale);
      await page.getByRole('status', { name: /Loading…|Chargement…/ }).waitFor({ state: 'detached' });
      expect(await axeViolations(page), path).toEqual([]);
      expect(await fitsWidth(page), path).toBe(true);
    }
  });
});
