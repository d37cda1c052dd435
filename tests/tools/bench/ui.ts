/** How the dashboard feels: frame times with much to show, what each screen makes a browser fetch, Lighthouse's scores. */
import { loadavg } from 'node:os';
import { type Browser, chromium } from 'playwright-core';
import { buildFrontend } from '../../e2e/build-frontend.ts';
import { CHROMIUM_FLAGS, findChromium } from '../../support/chromium.ts';
import { UsageError } from '../command-line.ts';
import type { BenchReport } from '../report.ts';
import { type Frames, measureFrames } from './ui-frames.ts';
import { fillJobs, startUiGateway } from './ui-gateway.ts';
import { type Category, GOALS, HOW_TO_INSTALL, loadLighthouse, type Scores, scorePages } from './ui-lighthouse.ts';
import { type RouteScripts, weighRoutes } from './ui-scripts.ts';

const PARTS = ['frames', 'scripts', 'lighthouse'] as const;
type Part = (typeof PARTS)[number];

const JOBS = 1_000;
const MAX_FRAME_MS = 50;
const MAX_ROWS = 200;
/** As the tests hold it for gzip; brotli is smaller. */
const MAX_SCRIPT_KIB = 240;

/** `args`: what to measure; all by default. The scores come first: of a gateway that has nothing to do. */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const parts = readParts(args);
  const program = await findChromium();
  if (program.path === undefined) throw new UsageError(program.missing);
  const lighthouse = parts.has('lighthouse') ? await loadLighthouse(process.env.LIGHTHOUSE) : undefined;
  const dist = await buildFrontend();
  await using gateway = await startUiGateway(dist);
  const report: BenchReport = {
    name: 'ui',
    pass: true,
    figures: { 'load average at the start': load() },
    table: [['what', 'figures']],
  };
  if (lighthouse !== undefined) {
    report.figures['Lighthouse version'] = lighthouse.version;
    addScores(report, await scorePages(lighthouse, program.path, gateway.url));
  } else if (parts.has('lighthouse')) {
    console.error(`NOT MEASURED: scores by Lighthouse. ${HOW_TO_INSTALL}`);
    report.figures.Lighthouse = 'NOT MEASURED';
  }
  const browser = await chromium.launch({ executablePath: program.path, args: CHROMIUM_FLAGS });
  try {
    if (parts.has('scripts')) addScripts(report, await weighRoutes(browser, gateway.url, dist));
    if (parts.has('frames')) addFrames(report, await framesOf(browser, gateway.url));
  } finally {
    await browser.close();
  }
  report.figures['load average at the end'] = load();
  return report;
}

function readParts(args: readonly string[]): ReadonlySet<Part> {
  const chosen = PARTS.filter((part) => args.includes(part));
  if (chosen.length < args.length) throw new UsageError(`Arguments: [${PARTS.join('] [')}]; not '${args.join(' ')}'`);
  return new Set(chosen.length > 0 ? chosen : PARTS);
}

async function framesOf(browser: Browser, url: string): Promise<Frames[]> {
  await fillJobs(url, JOBS);
  return measureFrames(browser, url, JOBS);
}

function addFrames(report: BenchReport, measured: readonly Frames[]): void {
  for (const { what, deltas, longFrames, rows } of measured) {
    // Frames come in steps of 16.7 ms, give or take: three of those are 50.
    const times = deltas.map(Math.round).sort((a, b) => a - b);
    const p95 = times[Math.floor(0.95 * (times.length - 1))] ?? Number.NaN;
    const longest = times.at(-1) ?? Number.NaN;
    const over = times.filter((time) => time > MAX_FRAME_MS).length;
    const isKept = over === 0 && (rows ?? 0) <= MAX_ROWS;
    report.pass &&= isKept;
    report.table.push([
      what,
      `${times.length} frames, p95 ${p95} ms, longest ${longest} ms, over ${MAX_FRAME_MS} ms: ${over}`,
      `long animation frames: ${longFrames.length}`,
      rows === undefined ? '' : `${rows} rows at most`,
      isKept ? '' : 'FAIL',
    ]);
    report.figures[`${what}: longest frame ms`] = longest;
    report.figures[`${what}: frames over ${MAX_FRAME_MS} ms`] = over;
    for (const { duration, scripts } of longFrames) console.error(`${what}: ${Math.round(duration)} ms: ${scripts}`);
  }
}

function addScripts(report: BenchReport, routes: readonly RouteScripts[]): void {
  for (const { path, scripts, brotliBytes } of routes) {
    const kib = brotliBytes / 1024;
    report.pass &&= kib <= MAX_SCRIPT_KIB;
    report.table.push([`script of ${path}`, `${kib.toFixed(1)} KiB brotli`, `${scripts} files`]);
  }
  report.figures['most script of a screen, KiB brotli'] = Number(
    (Math.max(...routes.map(({ brotliBytes }) => brotliBytes)) / 1024).toFixed(1),
  );
}

function addScores(report: BenchReport, measured: readonly Scores[]): void {
  for (const { page, device, scores, milliseconds, layoutShift, faults } of measured) {
    const { firstPaint, largestPaint, blocking } = milliseconds;
    const categories = Object.entries(scores) as [Category, number][];
    const isReached = categories.every(([category, score]) => score >= GOALS[category]);
    report.pass &&= isReached;
    report.table.push([
      `Lighthouse: ${page}, ${device}`,
      categories.map(([category, score]) => `${category} ${score}`).join(', '),
      `first paint ${firstPaint.toFixed(0)} ms, largest ${largestPaint.toFixed(0)} ms`,
      `blocked ${blocking.toFixed(0)} ms, shift ${layoutShift.toFixed(3)}`,
      isReached ? '' : 'FAIL',
    ]);
    for (const [category, score] of categories) report.figures[`${page}, ${device}: ${category}`] = score;
    if (faults.length > 0) console.error(`${page}, ${device}: ${faults.join(', ')}`);
  }
}

function load(): number {
  return Number((loadavg()[0] ?? Number.NaN).toFixed(2));
}
