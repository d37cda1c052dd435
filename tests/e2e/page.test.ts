/** The built page in a real browser: signing in, live changes, and what it says when the connection is lost. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { AdminModel } from '../../backend/src/contract/admin.ts';
import { adminModel as model, adminReplica as replica } from '../support/admin-model.ts';
import { CHROMIUM_FLAGS, findChromium } from '../support/chromium.ts';
import { buildFrontend } from './build-frontend.ts';
import { type ScriptedGateway, startScriptedGateway, VERSION } from './scripted-gateway.ts';

const WIDE = { viewport: { width: 1440, height: 900 } };
const NARROW = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const browserProgram = await findChromium();
if (browserProgram.missing !== undefined) process.stderr.write(`SKIPPED: browser tests: ${browserProgram.missing}\n`);

describe.skipIf(browserProgram.missing !== undefined)('page', () => {
  let browser: Browser;
  let dist: string;
  let home: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'audio-gateway-page-'));
    dist = await buildFrontend();
    // Playwright gives every launch a fresh profile and removes it; HOME is for what the program writes beside that.
    browser = await chromium.launch({
      executablePath: browserProgram.path ?? '',
      args: CHROMIUM_FLAGS,
      env: { ...process.env, HOME: home },
    });
  });

  afterAll(async () => {
    await browser?.close();
    await rm(home, { recursive: true, force: true });
  });

  /** A page at the gateway's root; when the test ends, it must have reported nothing to the console or the CSP. */
  async function openPage(gateway: ScriptedGateway, options: BrowserContextOptions = WIDE): Promise<Page> {
    const context = await browser.newContext({ ...options, reducedMotion: 'reduce' });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      // The browser notes every answer that is no success by itself; the tests cause those on purpose.
      const isExpected = message.text().startsWith('Failed to load resource:');
      if (!isExpected && ['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== gateway.url && !request.url().startsWith('data:')) {
        complaints.push(`foreign request: ${request.url()}`);
      }
    });
    await page.exposeFunction('reportViolation', (violation: string) => complaints.push(`CSP: ${violation}`));
    await page.addInitScript(
      `document.addEventListener('securitypolicyviolation', (event) =>
         reportViolation(event.effectiveDirective + ' ' + event.blockedURI + ' ' + event.sample))`,
    );
    onTestFinished(async () => {
      await context.close();
      expect(complaints).toEqual([]);
    });
    await page.goto(gateway.url);
    return page;
  }

  test('asks for an admin key, says what is wrong with another one, and forgets it', async () => {
    await using gateway = await startScriptedGateway(dist, MODELS);
    const page = await openPage(gateway);
    expect(await page.title()).toBe('Audio Gateway');
    await page.getByText(VERSION).waitFor();
    await page.getByText('All checks pass').waitFor();

    await signIn(page, 'agw-admin-of-someone-else');
    await alert(page, 'This key is not accepted.').getByText('Incorrect API key provided').waitFor();
    await signIn(page, gateway.userKey);
    await alert(page, 'This key is not an admin key.').waitFor();
    await signIn(page, 'clé');
    await alert(page, 'without spaces or accents').waitFor();
    expect(await page.getByRole('article').count()).toBe(0);

    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    expect(await page.getByRole('article').count()).toBe(MODELS.length);
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Models');

    expect(page.url()).toBe(`${gateway.url}/`);
    const kept = await page.evaluate(
      'JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])',
    );
    expect(kept).toBe('[{},{},"",null]');

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('the key is forgotten').waitFor();
    expect(await page.getByRole('article').count()).toBe(0);
    expect(await page.getByLabel('Admin key').inputValue()).toBe('');
    expect(await page.evaluate('document.activeElement.id')).toBe('admin-key');

    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    await page.reload();
    await page.getByLabel('Admin key').waitFor();
  });

  test('can be used with the keyboard alone', async () => {
    await using gateway = await startScriptedGateway(dist, MODELS);
    const page = await openPage(gateway);
    await page.getByText('All checks pass').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.type(gateway.adminKey);
    await page.keyboard.press('Enter');
    await connection(page, 'Live').waitFor();
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByLabel('Admin key').waitFor();
  });

  test('shows every model’s files, replicas and reasons', async () => {
    await using gateway = await startScriptedGateway(dist, MODELS);
    const page = await openPage(gateway);
    await signIn(page, gateway.adminKey);

    const ready = card(page, 'whisper-small');
    await ready.getByText('967 MB on disk').waitFor();
    expect(await text(ready)).toMatch(/transcription.*1 queued.*GPU 0\s*Ready.*in flight\s*2.*memory\s*1.94\sGB/s);
    expect(await text(card(page, 'pyannote/segmentation'))).toMatch(/Failed.*ends with signal SIGKILL: out of memory/s);
    expect(await text(card(page, 'htdemucs'))).toMatch(/Download failed: The hub does not answer/);
    expect(await text(card(page, 'moonshine-tiny'))).toMatch(/Not downloaded.*Not on disk/s);
  });

  test('a change appears without a reload and is announced', async () => {
    await using gateway = await startScriptedGateway(dist, MODELS);
    const page = await openPage(gateway);
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    await page.evaluate('window.notReloaded = true');

    const model = card(page, 'moonshine-tiny');
    gateway.change('moonshine-tiny', { status: 'downloading', files: downloading(30, 200) });
    await expect.poll(() => model.getByRole('progressbar').getAttribute('value')).toBe('15');
    expect(await text(model)).toMatch(/30\sMB of 200\sMB\s*15%/);
    await page.getByText('moonshine-tiny: downloading.').waitFor();
    gateway.change('moonshine-tiny', { files: downloading(120, 200) });
    await expect.poll(() => model.getByRole('progressbar').getAttribute('value')).toBe('60');
    await page.getByText('moonshine-tiny: 50 percent downloaded.').waitFor();

    gateway.change('moonshine-tiny', {
      status: 'loading',
      files: present(200),
      replicas: [replica({ state: 'starting' })],
    });
    await model.getByText('Starting').waitFor();
    expect(await model.getByRole('progressbar').count()).toBe(0);
    gateway.change('moonshine-tiny', { status: 'ready', replicas: [replica({ state: 'ready', resident_bytes: 3e8 })] });
    await page.getByText('moonshine-tiny: ready.').waitFor();
    expect(await page.evaluate('window.notReloaded')).toBe(true);
  });

  test('polls while the stream is down, and is live again when it is back', async () => {
    await using gateway = await startScriptedGateway(dist, MODELS);
    const page = await openPage(gateway);
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();

    gateway.blockStreams();
    await connection(page, 'Polling').waitFor();
    gateway.change('moonshine-tiny', { status: 'failed', files: failed('The disk is full') });
    await card(page, 'moonshine-tiny').getByText('The disk is full').waitFor();
    expect(await connection(page, 'Polling').count()).toBe(1);

    gateway.openStreams();
    await connection(page, 'Live').waitFor();
    gateway.change('moonshine-tiny', { status: 'absent', files: ABSENT });
    await card(page, 'moonshine-tiny').getByText('Not on disk').waitFor();
  });

  test('says that it is offline, keeps what it knew, and recovers from a restart', async () => {
    await using gateway = await startScriptedGateway(dist, MODELS);
    const page = await openPage(gateway);
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();

    await gateway.goDown();
    await connection(page, 'Offline').waitFor();
    await alert(page, 'The models cannot be read.').getByText('This is how they were at').waitFor();
    expect(await page.getByRole('article').count()).toBe(MODELS.length);
    await alert(page, 'The state of the server is not known.').waitFor();

    // Polling, too, must believe a server that counts from 0 again.
    gateway.blockStreams();
    gateway.replaceModels([model({ id: 'only-one', status: 'ready', files: present(5) })], 'restarted');
    await gateway.comeBack();
    await card(page, 'only-one').waitFor();
    expect(await page.getByRole('article').count()).toBe(1);
    await connection(page, 'Polling').waitFor();
  });

  test('asks again for a key when the one it has is revoked', async () => {
    await using gateway = await startScriptedGateway(dist, MODELS);
    const page = await openPage(gateway);
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    gateway.revokeKeys();
    gateway.blockStreams();
    await alert(page, 'This key is not accepted.').waitFor();
    expect(await page.getByRole('article').count()).toBe(0);
  });

  test('names the checks that fail', async () => {
    await using gateway = await startScriptedGateway(dist, []);
    gateway.checks.preloaded_models = { ok: false, reason: 'not ready: whisper-small' };
    const page = await openPage(gateway);
    await page.getByText('1 of 4 checks fail').waitFor();
    await page.getByText('not ready: whisper-small').waitFor();
    await signIn(page, gateway.adminKey);
    await page.getByText('no models in its catalogue').waitFor();
  });

  test.each([
    { name: 'wide, light', options: { ...WIDE, colorScheme: 'light' as const } },
    { name: 'wide, dark', options: { ...WIDE, colorScheme: 'dark' as const } },
    { name: 'narrow, light', options: { ...NARROW, colorScheme: 'light' as const } },
    { name: 'narrow, dark', options: { ...NARROW, colorScheme: 'dark' as const } },
  ])('fits the window: $name', async ({ name, options }) => {
    await using gateway = await startScriptedGateway(dist, MODELS);
    gateway.checks.store = { ok: false, reason: 'DATA_DIR is not writable' };
    const page = await openPage(gateway, options);
    const look = async (state: string) => {
      expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth'), state).toBe(true);
      await keepScreenshot(page, `${name} ${state}`);
    };
    await signIn(page, gateway.userKey);
    await alert(page, 'This key is not an admin key.').waitFor();
    await look('refused');
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    await look('models');
    await gateway.goDown();
    await connection(page, 'Offline').waitFor();
    await look('offline');
  });

  /** For a person to look at: kept where E2E_SCREENSHOT_DIR says, else gone with the browser's folder. */
  async function keepScreenshot(page: Page, name: string): Promise<void> {
    const dir = process.env.E2E_SCREENSHOT_DIR ?? home;
    await mkdir(dir, { recursive: true });
    await page.screenshot({ path: join(dir, `${name.replaceAll(/\W+/g, '-')}.png`), fullPage: true });
  }
});

async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel('Admin key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

const alert = (page: Page, words: string) => page.getByRole('alert').filter({ hasText: words });
const connection = (page: Page, word: string) => page.getByRole('status').filter({ hasText: `Connection: ${word}` });
const card = (page: Page, id: string) => page.getByRole('article', { name: id });
const text = (locator: ReturnType<typeof card>) => locator.textContent();

const MB = 1_000_000;
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const ABSENT: AdminModel['files'] = {
  state: 'absent',
  bytes: 0,
  total_bytes: 0,
  commit: null,
  reason: null,
  download: null,
};
const downloading = (megabytes: number, total: number): AdminModel['files'] => {
  return {
    state: 'downloading',
    bytes: megabytes * MB,
    total_bytes: total * MB,
    commit: null,
    reason: null,
    download: null,
  };
};
const present = (megabytes: number): AdminModel['files'] => {
  return {
    state: 'present',
    bytes: megabytes * MB,
    total_bytes: megabytes * MB,
    commit: COMMIT,
    reason: null,
    download: null,
  };
};
const failed = (reason: string): AdminModel['files'] => ({ ...ABSENT, state: 'failed', reason });

const MODELS: AdminModel[] = [
  model({
    id: 'whisper-small',
    status: 'ready',
    queued: 1,
    files: present(967),
    replicas: [
      replica({ id: 'a', device: 'GPU-a', device_index: 0, state: 'ready', in_flight: 2, resident_bytes: 1940 * MB }),
      replica({ id: 'b', device: 'GPU-b', device_index: 1, state: 'starting' }),
    ],
  }),
  model({ id: 'whisper-large-v3', status: 'downloading', files: downloading(1310, 3094) }),
  model({ id: 'moonshine-tiny' }),
  model({
    id: 'pyannote/segmentation',
    task: 'diarization',
    status: 'failed',
    files: present(6),
    replicas: [
      replica({ state: 'failed', reason: 'The worker ends with signal SIGKILL: out of memory', crashes_in_a_row: 3 }),
    ],
  }),
  model({
    id: 'htdemucs',
    task: 'separation',
    status: 'failed',
    files: failed(
      'The hub does not answer (https://hub.example/models/htdemucs/resolve/main/model_fp32_with_a_long_name.onnx)',
    ),
  }),
  model({
    id: 'onnx-community/a-model-with-a-remarkably-long-identifier-that-must-wrap',
    files: present(312),
    status: 'downloaded',
  }),
];
