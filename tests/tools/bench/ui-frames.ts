/** How evenly the dashboard draws while it has much to show. */
import type { Browser, Page } from 'playwright-core';
import { gpuList } from '../../../backend/src/contract/gpus.ts';
import { signIn } from '../../e2e/sign-in.ts';
import { ADMIN_KEY } from './ui-gateway.ts';
import { makeHour } from './ui-hour.ts';

const VIEWPORT = { width: 1440, height: 900 };
const CONTROL_MS = 10_000;
/** Two of the series' refetches, and a sample of the GPUs a second or so. */
const LIVE_MS = 22_000;
const SCROLL_DEADLINE_MS = 120_000;
/** A frame: a fast wheel on the way down, a throw on the way up. */
const DOWN_PX = 120;
const UP_PX = 1_200;

export interface Frames {
  what: string;
  /** Milliseconds from one frame to the next. */
  deltas: number[];
  /** Milliseconds of frames that kept the page's own thread for more than 50, and what they ran. */
  longFrames: { duration: number; scripts: string }[];
  /** The most that were on the page at a time; of lists only. */
  rows?: number;
}

/** Expressions for the page, which has no types of its own here. */
const WATCH = `(() => {
  const watched = { deltas: [], longFrames: [] };
  let last;
  const onFrame = (now) => {
    if (last !== undefined) watched.deltas.push(now - last);
    last = now;
    watched.request = requestAnimationFrame(onFrame);
  };
  watched.request = requestAnimationFrame(onFrame);
  const note = (entries) => {
    for (const { duration, scripts } of entries) {
      const names = scripts.map((script) =>
        script.invoker + ' ' + script.sourceFunctionName + ' ' + script.sourceURL.split('/').pop() + ' ' +
          Math.round(script.duration) + ' ms');
      watched.longFrames.push({ duration, scripts: names.join(', ') });
    }
  };
  watched.observer = new PerformanceObserver((list) => note(list.getEntries()));
  watched.observer.observe({ type: 'long-animation-frame' });
  watched.end = () => {
    cancelAnimationFrame(watched.request);
    note(watched.observer.takeRecords());
    watched.observer.disconnect();
    return { deltas: watched.deltas, longFrames: watched.longFrames };
  };
  window.watchedFrames = watched;
})()`;

/** Scrolls so much a frame until it is at the end and the list holds all its rows; the most rows at a time. */
const scroll = (pixels: number, jobs: number) => `new Promise((resolve, reject) => {
  const table = document.querySelector('[role="table"]');
  const deadline = performance.now() + ${SCROLL_DEADLINE_MS};
  let rows = 0;
  const step = () => {
    rows = Math.max(rows, document.querySelectorAll('[role="row"]').length);
    table.scrollTop += ${pixels};
    const isAtEnd = ${pixels > 0 ? 'table.scrollTop + table.clientHeight >= table.scrollHeight - 1' : 'table.scrollTop === 0'};
    if (isAtEnd && Number(table.getAttribute('aria-rowcount')) > ${jobs}) resolve(rows);
    else if (performance.now() > deadline) reject(new Error('the list has no end'));
    else requestAnimationFrame(step);
  };
  step();
})`;

/** @param jobs how many the list holds */
export async function measureFrames(browser: Browser, url: string, jobs: number): Promise<Frames[]> {
  const context = await browser.newContext({ locale: 'en', viewport: VIEWPORT });
  try {
    const page = await context.newPage();
    const control = await watch(page, 'nothing: an empty page', () => page.waitForTimeout(CONTROL_MS));
    const tellHour = makeHour(await readGpus(url));
    await page.route('**/api/admin/gpus/history?*', (route) => route.fulfill({ json: tellHour() }));
    await page.goto(url);
    await signIn(page, ADMIN_KEY);
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await page.waitForTimeout(2_000);
    return [control, ...(await watchJobs(page, jobs)), ...(await watchGpus(page))];
  } finally {
    await context.close();
  }
}

async function watchJobs(page: Page, jobs: number): Promise<Frames[]> {
  const table = page.getByRole('table');
  const opened = await watch(page, 'jobs: opening', async () => {
    await page.getByRole('link', { name: /^Jobs/ }).click();
    await table.getByRole('row').nth(10).waitFor();
    await page.waitForTimeout(1_000);
  });
  const down = await watch(page, 'jobs: to the end', () => page.evaluate<number>(scroll(DOWN_PX, jobs)));
  const up = await watch(page, 'jobs: back to the top', () => page.evaluate<number>(scroll(-UP_PX, jobs)));
  return [opened, down, up];
}

async function watchGpus(page: Page): Promise<Frames[]> {
  const charts = page.locator('.uplot .u-over');
  const opened = await watch(page, 'GPUs: opening', async () => {
    await page.getByRole('link', { name: /^GPUs/ }).click();
    await charts.nth(3).waitFor();
    await page.waitForTimeout(1_000);
  });
  const pointer = await watch(page, 'GPUs: pointer over the charts', async () => {
    for (let chart = 0; chart < 4; chart += 1) {
      await charts.nth(chart).scrollIntoViewIfNeeded();
      const box = await charts.nth(chart).boundingBox();
      if (box === null) throw new Error('a chart has no place on the page');
      const y = box.y + box.height / 2;
      await page.mouse.move(box.x, y);
      await page.mouse.move(box.x + box.width - 1, y, { steps: 60 });
    }
  });
  const choices = await watch(page, 'GPUs: one, all, table, charts', async () => {
    const tile = page.getByRole('button', { name: /GPU 3/ }).first();
    await tile.click();
    await page.waitForTimeout(1_000);
    await tile.click();
    await page.waitForTimeout(1_000);
    await page.getByRole('button', { name: /table/i }).click();
    await page.waitForTimeout(1_000);
    await page.getByRole('button', { name: /charts/i }).click();
    await page.waitForTimeout(1_000);
  });
  const live = await watch(page, 'GPUs: live', () => page.waitForTimeout(LIVE_MS));
  return [opened, pointer, choices, live];
}

/** @param action may tell a number of rows */
async function watch(page: Page, what: string, action: () => Promise<unknown>): Promise<Frames> {
  await page.evaluate(WATCH);
  const rows = await action();
  const frames = (await page.evaluate('window.watchedFrames.end()')) as Pick<Frames, 'deltas' | 'longFrames'>;
  return { what, ...frames, ...(typeof rows === 'number' && { rows }) };
}

async function readGpus(url: string) {
  const response = await fetch(`${url}/api/admin/gpus`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  return gpuList.parse(await response.json()).data;
}
