/** A Chromium for dashboard tests, and pages in it that fail their test when the console, the CSP or axe complains. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { CHROMIUM_FLAGS, findChromium } from '../support/chromium.ts';
import { buildFrontend } from './build-frontend.ts';

export { signIn } from './sign-in.ts';

export const WIDE = { viewport: { width: 1440, height: 900 } };
export const NARROW = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const program = await findChromium();
if (program.missing !== undefined) process.stderr.write(`SKIPPED: browser tests: ${program.missing}\n`);

/** For `describe.skipIf`. */
export const hasNoBrowser = program.missing !== undefined;

export interface PageOptions extends BrowserContextOptions {
  /** What of the console's errors the test causes on purpose. */
  expectedErrors?: RegExp;
}

export interface DashboardBrowser {
  /** The built page. */
  dist: string;
  /** A folder that goes with the browser. */
  home: string;
  /** A page of a profile of its own, at the address; English unless `locale` says otherwise. */
  open(url: string, options?: PageOptions): Promise<Page>;
}

/**
 * Builds the page, starts the browser before the tests of the suite and ends it after them.
 * @param flags further ones of Chromium's
 */
export function useDashboardBrowser(flags: readonly string[] = []): DashboardBrowser {
  let browser: Browser;
  const made = { dist: '', home: '' };
  beforeAll(async () => {
    made.home = await mkdtemp(join(tmpdir(), 'audio-gateway-page-'));
    made.dist = await buildFrontend();
    // Playwright gives every launch a fresh profile and removes it; HOME is for what the program writes beside that.
    browser = await chromium.launch({
      executablePath: program.path ?? '',
      args: [...CHROMIUM_FLAGS, ...flags],
      env: { ...process.env, HOME: made.home },
    });
  });
  afterAll(async () => {
    await browser?.close();
    await rm(made.home, { recursive: true, force: true });
  });
  return {
    get dist() {
      return made.dist;
    },
    get home() {
      return made.home;
    },
    open: async (url, { expectedErrors, ...options } = WIDE) => {
      const context = await browser.newContext({ locale: 'en', ...options, reducedMotion: 'reduce' });
      const page = await context.newPage();
      const complaints = await collectComplaints(page, new URL(url).origin, expectedErrors);
      onTestFinished(async () => {
        await context.close();
        expect(complaints).toEqual([]);
      });
      await page.goto(url);
      return page;
    },
  };
}

/** What no test may cause: errors and warnings of the console, reports of the CSP, requests to other hosts. */
async function collectComplaints(page: Page, origin: string, expected: RegExp = /^$/): Promise<string[]> {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    // The browser notes every answer that is no success by itself; the tests cause those on purpose.
    const isExpected = message.text().startsWith('Failed to load resource:') || expected.test(message.text());
    if (!isExpected && ['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== 'data:' && url.protocol !== 'blob:') {
      complaints.push(`foreign request: ${request.url()}`);
    }
  });
  await page.exposeFunction('reportViolation', (violation: string) => complaints.push(`CSP: ${violation}`));
  await page.addInitScript(
    `document.addEventListener('securitypolicyviolation', (event) =>
       reportViolation(event.effectiveDirective + ' ' + event.blockedURI + ' ' + event.sample))`,
  );
  return complaints;
}

const axeSource = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };

/**
 * @param options of axe's: `preload: false` where a shadow root has styles, which axe would copy against the CSP
 * @returns one line per violation of WCAG A/AA or of axe's best practices: rule, element, why.
 */
export async function axeViolations(page: Page, options: { preload?: boolean } = {}): Promise<string[]> {
  // Evaluated by the browser's debugger, which no CSP binds.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(await axeSource);
  const results = (await page.evaluate(`axe.run(document, ${JSON.stringify({ ...RULES, ...options })})`)) as AxeResults;
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary?.replaceAll(/\s+/g, ' ')}`),
  );
}

export async function fitsWidth(page: Page): Promise<boolean> {
  return (await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')) as boolean;
}
