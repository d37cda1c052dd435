/** Lighthouse, where it is installed: it is no dependency of the project. */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CHROMIUM_FLAGS } from '../../support/chromium.ts';
import { median } from './median.ts';
import { ADMIN_KEY } from './ui-gateway.ts';

export const HOW_TO_INSTALL =
  'Lighthouse is no dependency of the project. Install it in a folder of its own (npm install lighthouse) and name that\n' +
  'folder in LIGHTHOUSE.';

const CATEGORIES = ['performance', 'accessibility', 'best-practices'] as const;
export type Category = (typeof CATEGORIES)[number];
/** Scores out of 100. */
export const GOALS: Record<Category, number> = { performance: 95, accessibility: 100, 'best-practices': 100 };
/** The overview's event stream stays open: Lighthouse would wait 45 s for a line that is never quiet. */
const MAX_WAIT_MS = 15_000;
/** Performance varies from run to run: medians are told. */
const ROUNDS = 3;
/** Where the page keeps a key for the life of its tab. */
const KEPT_SESSION = JSON.stringify({ key: ADMIN_KEY, role: 'admin' });

export interface Scores {
  page: string;
  device: Device;
  scores: Record<Category, number>;
  /** Medians of the figures behind the performance. */
  milliseconds: { firstPaint: number; largestPaint: number; blocking: number };
  layoutShift: number;
  /** Audits that took points, each with how many of 100 it got. */
  faults: string[];
}

const DEVICES = ['mobile', 'desktop'] as const;
type Device = (typeof DEVICES)[number];

interface Audit {
  id: string;
  score: number | null;
  numericValue?: number;
}

/** What is used of the two packages. */
interface Result {
  lhr: {
    runtimeError?: { message: string };
    audits: Record<string, Audit>;
    categories: Record<string, { score: number | null; auditRefs: { id: string; weight: number }[] }>;
  };
}
type RunLighthouse = (url: string, flags: object, config: object | undefined, page: PuppeteerPage) => Promise<Result>;
interface PuppeteerPage {
  evaluateOnNewDocument(script: string): Promise<unknown>;
  close(): Promise<void>;
}
interface PuppeteerBrowser {
  newPage(): Promise<PuppeteerPage>;
  close(): Promise<void>;
}
interface Puppeteer {
  launch(options: { executablePath: string; args: string[] }): Promise<PuppeteerBrowser>;
}

export interface InstalledLighthouse {
  version: string;
  run: RunLighthouse;
  desktop: object;
  puppeteer: Puppeteer;
}

/** @returns undefined where no folder is named. @throws Error where the named one has none. */
export async function loadLighthouse(folder: string | undefined): Promise<InstalledLighthouse | undefined> {
  if (folder === undefined || folder === '') return undefined;
  const require = createRequire(join(resolve(folder), 'package.json'));
  const load = async (name: string) => (await import(pathToFileURL(require.resolve(name)).href)).default;
  const { version }: { version: string } = require('lighthouse/package.json');
  return {
    version,
    run: await load('lighthouse/core/index.js'),
    desktop: await load('lighthouse/core/config/desktop-config.js'),
    puppeteer: await load('puppeteer-core'),
  };
}

/** The sign-in page and the overview behind it, each as on a phone and as on a desk, with nothing cached. */
export async function scorePages(lighthouse: InstalledLighthouse, chromium: string, url: string): Promise<Scores[]> {
  const scores: Scores[] = [];
  for (const page of ['sign-in', 'overview']) {
    for (const device of DEVICES) {
      const results: Result['lhr'][] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        results.push(await runOnce(lighthouse, chromium, { url, device, isSignedIn: page === 'overview' }));
      }
      scores.push({ page, device, ...summarize(results) });
    }
  }
  return scores;
}

/** In a browser of its own: what one run has left behind cannot help the next. */
async function runOnce(
  { run, desktop, puppeteer }: InstalledLighthouse,
  executablePath: string,
  { url, device, isSignedIn }: { url: string; device: Device; isSignedIn: boolean },
): Promise<Result['lhr']> {
  const browser = await puppeteer.launch({ executablePath, args: CHROMIUM_FLAGS });
  try {
    const page = await browser.newPage();
    if (isSignedIn) {
      await page.evaluateOnNewDocument(
        `if (location.origin === ${JSON.stringify(new URL(url).origin)})
           sessionStorage.setItem('agw.session', ${JSON.stringify(KEPT_SESSION)})`,
      );
    }
    const flags = { onlyCategories: CATEGORIES, logLevel: 'error', maxWaitForLoad: MAX_WAIT_MS };
    const { lhr } = await run(url, flags, device === 'desktop' ? desktop : undefined, page);
    if (lhr.runtimeError !== undefined) throw new Error(lhr.runtimeError.message);
    return lhr;
  } finally {
    await browser.close();
  }
}

function summarize(results: readonly Result['lhr'][]): Omit<Scores, 'page' | 'device'> {
  const score = (category: Category) =>
    median(results.map(({ categories }) => Math.round((categories[category]?.score ?? 0) * 100)));
  const figure = (audit: string) => median(results.map(({ audits }) => audits[audit]?.numericValue ?? Number.NaN));
  return {
    scores: {
      performance: score('performance'),
      accessibility: score('accessibility'),
      'best-practices': score('best-practices'),
    },
    milliseconds: {
      firstPaint: figure('first-contentful-paint'),
      largestPaint: figure('largest-contentful-paint'),
      blocking: figure('total-blocking-time'),
    },
    layoutShift: figure('cumulative-layout-shift'),
    faults: [...new Set(results.flatMap(faultsOf))],
  };
}

function faultsOf({ audits, categories }: Result['lhr']): string[] {
  const counted = CATEGORIES.flatMap((category) => categories[category]?.auditRefs ?? []);
  return counted
    .filter(({ weight }) => weight > 0)
    .flatMap(({ id }) => {
      const score = audits[id]?.score ?? 1;
      return score < 0.9 ? [`${id} ${Math.round(score * 100)}`] : [];
    });
}
