/** `npm run screens`: every screen of the dashboard in both schemes, of a real gateway on a fake DGX, into doc/screens. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type App, startApp } from '../../../backend/src/app.ts';
import { loadConfig } from '../../../backend/src/config.ts';
import { buildFrontend } from '../../e2e/build-frontend.ts';
import { CHROMIUM_FLAGS, findChromium } from '../../support/chromium.ts';
import { createFakeDgx, type FakeDgx } from '../../support/fake-dgx.ts';
import { startFakeHub } from '../../support/fake-hub.ts';
import { SCRIPT } from '../../support/gpu-models.ts';
import { hasShared, SHARED_ROOT, shared } from '../../support/shared.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { createGatewayFolder } from '../bench/gateway-folder.ts';
import { parseCommandLine, runTool, UsageError } from '../command-line.ts';
import { SHOW_MODEL_LIST, SHOWN } from './show-models.ts';

const USAGE = `Usage: npm run screens -- [--out FOLDER]

Starts the gateway on a fake DGX of eight H200, gives it work, and takes a picture of every screen, light and dark.
Needs Chromium and the recordings at ../shared.

  --out FOLDER   default doc/screens`;

const ADMIN_KEY = 'agw-admin-of-the-screens';
const TRANSCRIBER = 'zipformer-gigaspeech-3.3m';
const SCHEMES = ['light', 'dark'] as const;
const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 390, height: 844 };
/** Until charts and figures have something to show. */
const SETTLE_MS = 25_000;

type Look = { colorScheme: (typeof SCHEMES)[number]; viewport: typeof WIDE };

await runTool(async (args) => {
  const { out = join(import.meta.dirname, '../../../doc/screens') } = parseCommandLine(
    args,
    { out: { type: 'string' } },
    USAGE,
  );
  if (!hasShared) throw new UsageError('The recordings at ../shared are not here.');
  const program = await findChromium();
  if (program.path === undefined) throw new UsageError(program.missing);
  await mkdir(out, { recursive: true });
  const dist = await buildFrontend();
  const dgx = await createFakeDgx();
  await using folder = await createGatewayFolder();
  const hub = await startFakeHub({ root: join(SHARED_ROOT, 'hub') });
  const app = await startShow(folder.env, { dgx, dist, hubUrl: hub.url });
  try {
    const job = await giveWork(app.url);
    const browser = await chromium.launch({ executablePath: program.path, args: CHROMIUM_FLAGS });
    try {
      await takeAll(browser, { url: app.url, job, out });
    } finally {
      await browser.close();
    }
  } finally {
    await app.close();
    await hub.close();
    await dgx.remove();
  }
  return true;
});

async function startShow(
  env: Record<string, string>,
  { dgx, dist, hubUrl }: { dgx: FakeDgx; dist: string; hubUrl: string },
): Promise<App> {
  const cache = env.MODEL_CACHE_DIR ?? '';
  for (const [id, mib] of Object.entries(SHOWN)) {
    await putShown(cache, `onnx-community/${id}`, JSON.stringify({ allocations: dgx.allocations, mib }));
  }
  // Somebody else's work on one of the cards.
  await dgx.allocate(process.pid, dgx.uuids[5] ?? '', 121_000);
  const config = loadConfig({
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    ...env,
    ADMIN_API_KEYS: ADMIN_KEY,
    HF_ENDPOINT: hubUrl,
    FRONTEND_DIST: dist,
    NVIDIA_SMI: dgx.path,
    GPU_POLL_SECONDS: '1',
    // Any file: those on the cards open no session.
    CUDA_PROVIDER_LIBRARY: process.execPath,
    SHUTDOWN_GRACE_SECONDS: '1',
  });
  return startApp({ config, modelListUrl: SHOW_MODEL_LIST, console: false });
}

async function putShown(cache: string, repo: string, script: string): Promise<void> {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const root = join(cache, `models--${repo.replace('/', '--')}`);
  await mkdir(join(root, 'snapshots', commit), { recursive: true });
  await mkdir(join(root, 'refs'), { recursive: true });
  await writeFile(join(root, 'snapshots', commit, SCRIPT), script);
  await writeFile(join(root, 'refs', 'main'), commit);
}

/** Models on cards, keys, and jobs of which one is the result that the pictures show. @returns its id */
async function giveWork(url: string): Promise<string> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  const send = async (method: string, path: string, body?: object) => {
    const response = await fetch(url + path, {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const load = (model: string, gpus: (number | string)[], perGpu = 1) =>
    send('POST', `/api/admin/models/${model}/load`, { gpu_device_ids: gpus, replicas_per_gpu: perGpu });
  await load('whisper-large-v3', [0, 1], 2);
  await load('whisper-large-v3-turbo', [2]);
  await load('whisper-medium', [3]);
  await load(TRANSCRIBER, ['cpu']);
  await waitUntil('the models are there', async () => {
    const { data } = (await send('GET', '/api/admin/models')) as { data: { status: string }[] };
    return data.filter(({ status }) => status === 'ready').length >= 4;
  });
  await send('POST', '/api/admin/keys', { name: 'call centre', limits: { audio_seconds_per_day: 36_000 } });
  await send('POST', '/api/admin/keys', { name: 'podcast archive', limits: { requests_per_minute: 600 } });
  await send('PATCH', '/api/admin/settings', { aliases: { 'whisper-1': 'whisper-large-v3-turbo' } });

  const ask = async (model: string, file: string, fields: Record<string, string | string[]> = {}) => {
    const form = new FormData();
    form.set('model', model);
    form.set('file', new Blob([await readFile(shared('audio/speech', file))]), file);
    for (const [name, values] of Object.entries(fields)) for (const value of [values].flat()) form.append(name, value);
    const response = await fetch(`${url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { ...headers, prefer: 'respond-async' },
      body: form,
    });
    return ((await response.json()) as { id: string }).id;
  };
  for (let round = 0; round < 6; round += 1) {
    const prompt = `say:round-${round}`;
    await ask('whisper-large-v3', 'jfk.flac', { prompt, language: 'en' });
    await ask('whisper-medium', 'jfk.mp3', { prompt });
  }
  await ask('whisper-large-v3-turbo', 'jfk.wav', { prompt: 'oom' });
  const words = { response_format: 'verbose_json', 'timestamp_granularities[]': ['segment', 'word'] };
  const job = await ask(TRANSCRIBER, 'jfk.wav', words);
  await ask('whisper-large-v3', 'jfk.wav', { prompt: 'sleep:600000' });
  await waitUntil('the transcript is there', async () => {
    const { status } = (await send('GET', `/v1/jobs/${job}`)) as { status: string };
    return status === 'succeeded';
  });
  await send('POST', '/api/admin/models/whisper-medium/unload', {});
  return job;
}

async function takeAll(browser: Browser, show: { url: string; job: string; out: string }): Promise<void> {
  const { job } = show;
  const screens: [name: string, path: string, prepare?: (page: Page) => Promise<void>][] = [
    ['overview', '/'],
    ['models', '/models'],
    ['model', '/models/whisper-large-v3'],
    ['add-model', '/models/add'],
    ['load', '/models', choosePlace],
    ['gpus', '/gpus'],
    ['playground', `/playground?job=${job}`],
    ['evaluate', '/evaluate'],
    ['jobs', '/jobs'],
    ['job', `/jobs/${job}`],
    ['keys', '/keys'],
    ['webhooks', '/webhooks'],
    ['logs', '/logs'],
    ['audit', '/audit'],
    ['settings', '/settings'],
    ['docs', '/docs'],
  ];
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  for (const colorScheme of SCHEMES) {
    for (const [name, path, prepare] of screens) {
      await take(browser, show, { name: `${name}-${colorScheme}`, path, prepare }, { colorScheme, viewport: WIDE });
    }
  }
  for (const [name, path] of [
    ['models', '/models'],
    ['playground', `/playground?job=${job}`],
  ] as const) {
    await take(browser, show, { name: `${name}-phone`, path }, { colorScheme: 'light', viewport: NARROW });
  }
}

async function choosePlace(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Load… distil-large-v3.5' }).click();
  await page.getByRole('checkbox', { name: 'GPU 2' }).waitFor();
  await page.keyboard.press('2');
  await page.getByText(/Fits GPU 2/).waitFor();
}

async function take(
  browser: Browser,
  { url, out }: { url: string; out: string },
  screen: { name: string; path: string; prepare?: ((page: Page) => Promise<void>) | undefined },
  look: Look,
): Promise<void> {
  const context = await browser.newContext({ locale: 'en', reducedMotion: 'reduce', ...look });
  const page = await context.newPage();
  // What the doctor finds here is of this machine, which has no card and is not to be seen in a picture.
  await page.route('**/api/admin/overview', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), doctor: null } });
  });
  await page.goto(url + screen.path);
  await page.getByLabel('API key', { exact: true }).fill(ADMIN_KEY);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page
    .getByRole('navigation')
    .or(page.getByRole('button', { name: /navigation/ }))
    .first()
    .waitFor();
  await page.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => {});
  await screen.prepare?.(page);
  // Charts are drawn a moment later.
  await page.waitForTimeout(1_500);
  await page.screenshot({ path: join(out, `${screen.name}.png`) });
  console.error(screen.name);
  await context.close();
}
