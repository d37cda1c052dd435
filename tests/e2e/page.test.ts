/** The built page in a real browser: signing in, live changes, and what it says when the connection is lost. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { AdminModel } from '../../backend/src/contract/admin.ts';
import { adminModel as model, adminReplica as replica } from '../support/admin-model.ts';
import {
  axeViolations,
  fitsWidth,
  hasNoBrowser,
  NARROW,
  type PageOptions,
  signIn,
  useDashboardBrowser,
  WIDE,
} from './dashboard-browser.ts';
import { type ScriptedGateway, startScriptedGateway, VERSION } from './scripted-gateway.ts';

describe.skipIf(hasNoBrowser)('page', () => {
  const browser = useDashboardBrowser();
  const openModels = (gateway: ScriptedGateway, options?: PageOptions) =>
    browser.open(`${gateway.url}/models`, options);

  test('asks for a key, says what is wrong with another one, and forgets it', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    await page.getByText('All checks pass').waitFor();
    expect(await page.title()).toBe('Sign in · Audio Gateway');

    await signIn(page, 'agw-admin-of-someone-else');
    await alert(page, 'This key is not accepted.').getByText('Incorrect API key provided').waitFor();
    await signIn(page, 'clé');
    await alert(page, 'without spaces or accents').waitFor();
    expect(await page.getByRole('article').count()).toBe(0);

    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    await expectModels(page, MODELS.length);
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Models');
    expect(await page.title()).toBe('Models · Audio Gateway');

    expect(page.url()).toBe(`${gateway.url}/models`);
    const kept = await page.evaluate(
      'JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])',
    );
    expect(kept).not.toContain(gateway.adminKey);
    expect(kept).toMatch(/^\[\{\},/);

    await menuItem(page, 'Sign out').click();
    await page.getByText('the key is forgotten').waitFor();
    expect(await page.getByRole('article').count()).toBe(0);
    expect(await keyField(page).inputValue()).toBe('');
    expect(await page.evaluate('document.activeElement.type')).toBe('password');

    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    await page.getByRole('button', { name: 'Key', exact: true }).click();
    await page.getByText(`Version ${VERSION}`).waitFor();
    await page.reload();
    await keyField(page).waitFor();
  });

  test('keeps the key in the tab when that is asked for, until signing out', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    await signIn(page, gateway.adminKey, { keepIn: 'tab' });
    await connection(page, 'Live').waitFor();
    await page.reload();
    await connection(page, 'Live').waitFor();
    await menuItem(page, 'Sign out').click();
    await keyField(page).waitFor();
    expect(await page.evaluate('JSON.stringify([{...localStorage}, {...sessionStorage}])')).not.toContain('agw-admin');
    await page.reload();
    await keyField(page).waitFor();
  });

  test('works where the browser refuses to keep anything, and says so', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    await page.addInitScript(`for (const name of ['localStorage', 'sessionStorage'])
      Object.defineProperty(window, name, { get() { throw new DOMException('refused', 'SecurityError'); } })`);
    await page.reload();
    await signIn(page, gateway.adminKey, { keepIn: 'tab' });
    await alert(page, 'The browser refuses to keep anything').waitFor();
    await connection(page, 'Live').waitFor();
    await page.reload();
    await keyField(page).waitFor();
  });

  test('a user key sees its own screens and no operator’s', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await signIn(page, gateway.userKey);
    await page.getByText('This screen needs an admin key').waitFor();
    expect(await page.getByRole('navigation').getByRole('link').allTextContents()).toEqual([
      'Jobs',
      'Playground',
      'Webhooks',
      'API docs',
    ]);
    expect(asked).toContain('/v1/key');
    expect(asked.filter((path) => path.startsWith('/api/admin/'))).toEqual([]);
    await page.getByRole('button', { name: 'Use another key' }).click();
    await signIn(page, gateway.adminKey);
    await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor();
  });

  test('can be used with the keyboard alone', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    await page.getByText('All checks pass').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.type(gateway.adminKey);
    await page.keyboard.press('Enter');
    await connection(page, 'Live').waitFor();

    await page.keyboard.press('g');
    await page.keyboard.press('j');
    await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Jobs');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('Control+k');
    const search = page.getByRole('textbox', { name: 'Search screens' });
    await search.fill('moonshine');
    await page.getByRole('button', { name: /moonshine-tiny/ }).waitFor();
    await page.getByRole('button', { name: /^Overview/ }).waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await expect.poll(() => page.url()).toBe(`${gateway.url}/models/moonshine-tiny`);

    await page.keyboard.press('Control+k');
    await search.fill('sign out');
    await page.getByRole('button', { name: 'Sign out' }).last().waitFor();
    // Enter takes the first that is found: the list must be the filtered one.
    await page.getByRole('button', { name: /^Overview/ }).waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await keyField(page).waitFor();
  });

  test('shows every model’s files, replicas and reasons', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    await signIn(page, gateway.adminKey);

    const ready = card(page, 'whisper-small');
    await ready.getByText('967 MB on disk').waitFor();
    expect(await text(ready)).toMatch(/transcription.*1 queued.*GPU 0\s*Ready.*in flight\s*2.*memory\s*1.94\sGB/s);
    expect(await text(card(page, 'pyannote/segmentation'))).toMatch(/Failed.*ends with signal SIGKILL: out of memory/s);
    expect(await text(card(page, 'htdemucs'))).toMatch(/Download failed: The hub does not answer/);
    expect(await text(card(page, 'moonshine-tiny'))).toMatch(/Not downloaded.*Not on disk/s);
  });

  test('says of a gated repository whether the hub opens it, and what does', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    const gated = card(page, 'moonshine-tiny');
    expect(await gated.getByText('Gated').count()).toBe(0);
    const own = { repo: 'test/moonshine', url: `${gateway.url}/hub/test/moonshine`, gated: 'auto' } as const;
    gateway.change('moonshine-tiny', { repositories: [{ ...own, accessible: null }] });
    await gated.getByText('not tried with this token yet').waitFor();
    gateway.change('moonshine-tiny', { repositories: [{ ...own, accessible: false }] });
    await gated.getByText('The hub refused test/moonshine').waitFor();
    expect(await gated.getByRole('link', { name: 'Page of test/moonshine' }).getAttribute('href')).toBe(own.url);
    expect(await axeViolations(page)).toEqual([]);
    await gated.getByRole('link', { name: 'The hub’s token' }).click();
    await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor();
    expect(page.url()).toBe(`${gateway.url}/settings`);
  });

  test('a change appears without a reload and is announced', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    await page.evaluate('window.notReloaded = true');

    const model = card(page, 'moonshine-tiny');
    gateway.change('moonshine-tiny', { status: 'downloading', files: downloading(30, 200) });
    await expect.poll(() => model.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('15');
    expect(await text(model)).toMatch(/30\sMB of 200\sMB\s*15%/);
    await page.getByText('moonshine-tiny: Downloading.').waitFor();
    gateway.change('moonshine-tiny', { files: downloading(120, 200) });
    await expect.poll(() => model.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('60');
    await page.getByText('moonshine-tiny: 50 percent downloaded.').waitFor();

    gateway.change('moonshine-tiny', {
      status: 'loading',
      files: present(200),
      replicas: [replica({ state: 'starting' })],
    });
    await model.getByText('Starting').waitFor();
    expect(await model.getByRole('progressbar').count()).toBe(0);
    gateway.change('moonshine-tiny', { status: 'ready', replicas: [replica({ state: 'ready', resident_bytes: 3e8 })] });
    await page.getByText('moonshine-tiny: Ready.').waitFor();
    expect(await page.evaluate('window.notReloaded')).toBe(true);
  });

  test('polls while the stream is down, and is live again when it is back', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();

    const told = gateway.lastEventId();
    gateway.blockStreams();
    await connection(page, 'Polling').waitFor();
    gateway.change('moonshine-tiny', { status: 'failed', files: failed('The disk is full') });
    await card(page, 'moonshine-tiny').getByText('The disk is full').waitFor();
    expect(await connection(page, 'Polling').count()).toBe(1);

    gateway.openStreams();
    await connection(page, 'Live').waitFor();
    expect(gateway.resumedFrom()).toBe(told);
    gateway.change('moonshine-tiny', { status: 'absent', files: ABSENT });
    await card(page, 'moonshine-tiny').getByText('Not on disk').waitFor();
  });

  test('says that it is offline, keeps what it knew, and recovers from a restart', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway, WITH_MISSING_FILES);
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();

    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByText('All checks pass').waitFor();
    await page.getByRole('link', { name: 'Models' }).click();
    await card(page, 'moonshine-tiny').waitFor();

    await gateway.goDown();
    await connection(page, 'Offline').waitFor();
    await alert(page, 'Offline').getByText('This is how things were at').waitFor();
    await expectModels(page, MODELS.length);
    await page.getByRole('link', { name: 'Overview' }).click();
    await alert(page, 'The state of the server is not known.').waitFor();
    // A screen whose code is not here yet cannot be shown; the page itself stays.
    await page.getByRole('link', { name: 'Logs' }).click();
    await page.getByRole('heading', { level: 1, name: 'This screen could not be shown' }).waitFor();
    await page.getByRole('link', { name: 'Models' }).click();

    // Polling, too, must believe a server that counts from 0 again.
    gateway.blockStreams();
    gateway.replaceModels([model({ id: 'only-one', status: 'ready', files: present(5) })], 'restarted');
    await gateway.comeBack();
    await card(page, 'only-one').waitFor();
    await expectModels(page, 1);
    await connection(page, 'Polling').waitFor();
  });

  test('asks again for a key when the one it has is revoked, over the page as it was', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    gateway.revokeKeys();
    gateway.blockStreams();
    const dialog = page.getByRole('dialog', { name: 'Sign in again' });
    await dialog.getByRole('alert').filter({ hasText: 'This key is not accepted.' }).waitFor();
    await page.keyboard.press('Escape');
    expect(await dialog.count()).toBe(1);
    expect(await page.locator('article').count()).toBe(MODELS.length);

    gateway.acceptKeys();
    gateway.openStreams();
    await signIn(page, gateway.adminKey);
    await dialog.waitFor({ state: 'detached' });
    await connection(page, 'Live').waitFor();
    await expectModels(page, MODELS.length);
  });

  test('what one key read is not shown to the next', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    gateway.revokeKeys();
    gateway.blockStreams();
    await page.getByRole('dialog', { name: 'Sign in again' }).waitFor();
    gateway.acceptKeys();
    await signIn(page, gateway.userKey);
    await page.getByText('This screen needs an admin key').waitFor();
    expect(await page.getByText('whisper-small').count()).toBe(0);
  });

  test('two tabs share one stream, and the second takes over when the first goes', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const first = await openModels(gateway);
    await signIn(first, gateway.adminKey, { keepIn: 'tab' });
    await connection(first, 'Live').waitFor();
    const second = await first.context().newPage();
    await second.goto(`${gateway.url}/models`);
    await signIn(second, gateway.adminKey);
    await connection(second, 'Live').waitFor();
    expect(gateway.streams()).toBe(1);
    gateway.change('moonshine-tiny', { status: 'failed', files: failed('The disk is full') });
    await card(second, 'moonshine-tiny').getByText('The disk is full').waitFor();

    await first.close();
    await expect.poll(() => gateway.streams()).toBe(1);
    gateway.change('moonshine-tiny', { status: 'absent', files: ABSENT });
    await card(second, 'moonshine-tiny').getByText('Not on disk').waitFor();
  });

  test('says what is under way and how it ended', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway);
    await signIn(page, gateway.adminKey);
    await page.getByRole('button', { name: '1 operation under way' }).click();
    const drawer = page.getByRole('dialog', { name: 'Operations' });
    await drawer.getByText('Download whisper-large-v3').waitFor();
    gateway.change('whisper-large-v3', { status: 'downloaded', files: present(3094) });
    await drawer.getByText('0 operations under way').waitFor();
    await drawer.getByText('Done').waitFor();
  });

  test('a file that an update took away is fetched anew by one reload', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway, WITH_MISSING_FILES);
    await signIn(page, gateway.adminKey, { keepIn: 'tab' });
    await connection(page, 'Live').waitFor();
    let refused = 0;
    await page.route('**/assets/logs-page-*.js', (route) => {
      refused += 1;
      return refused > 1 ? route.continue() : route.fulfill({ status: 404 });
    });
    await page.getByRole('link', { name: 'Logs' }).click();
    await page.getByRole('heading', { level: 1, name: 'Logs' }).waitFor();
    expect(refused).toBe(2);
  });

  test('whose script does not come loads itself once more, then says so', async () => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway, WITH_MISSING_FILES);
    let loads = 0;
    let failing = 1;
    page.on('request', (request) => {
      if (request.isNavigationRequest()) loads += 1;
    });
    await page.route('**/assets/index-*.js', (route) =>
      loads > failing ? route.continue() : route.fulfill({ status: 404 }),
    );
    await page.goto(`${gateway.url}/models`);
    await keyField(page).waitFor();
    expect(loads).toBe(2);

    [loads, failing] = [0, 2];
    await page.goto(`${gateway.url}/models`);
    const failure = page.getByRole('alert').filter({ hasText: 'The page could not be loaded.' });
    await failure.waitFor();
    expect(loads).toBe(2);
    expect(await axeViolations(page)).toEqual([]);
    await failure.getByRole('button', { name: 'Load it again' }).click();
    await keyField(page).waitFor();
    expect(await failure.count()).toBe(0);
  });

  test('names the checks that fail', async () => {
    await using gateway = await startScriptedGateway(browser.dist, []);
    gateway.checks.preloaded_models = { ok: false, reason: 'not ready: whisper-small' };
    const page = await openModels(gateway);
    await page.getByText('1 of 4 checks fails').waitFor();
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
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    gateway.checks.store = { ok: false, reason: 'DATA_DIR is not writable' };
    const page = await openModels(gateway, options);
    const look = async (state: string) => {
      expect(await fitsWidth(page), state).toBe(true);
      await keepScreenshot(page, `${name} ${state}`);
    };
    await signIn(page, 'agw-admin-of-someone-else');
    await alert(page, 'This key is not accepted.').waitFor();
    await look('refused');
    await signIn(page, gateway.adminKey);
    await connection(page, 'Live').waitFor();
    await look('models');
    await gateway.goDown();
    await connection(page, 'Offline').waitFor();
    await look('offline');
  });

  test.each([
    { name: 'light', options: { ...NARROW, colorScheme: 'light' as const } },
    { name: 'dark', options: { ...NARROW, colorScheme: 'dark' as const } },
  ])('what opens over a narrow page is accessible and closes with Escape: $name', async ({ name, options }) => {
    await using gateway = await startScriptedGateway(browser.dist, MODELS);
    const page = await openModels(gateway, options);
    await signIn(page, gateway.adminKey);
    await expectModels(page, MODELS.length);
    const dialog = page.getByRole('dialog');
    for (const button of ['Open navigation', 'Search screens, models and jobs', '1 operation under way']) {
      await page.getByRole('button', { name: button }).click();
      await dialog.waitFor();
      expect(await axeViolations(page), button).toEqual([]);
      expect(await fitsWidth(page), button).toBe(true);
      await keepScreenshot(page, `${name} ${button}`);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
    }
    for (const menu of ['Language', 'Colour scheme', 'Key']) {
      await page.getByRole('button', { name: menu, exact: true }).click();
      expect(await axeViolations(page), menu).toEqual([]);
      await page.keyboard.press('Escape');
    }
    gateway.revokeKeys();
    gateway.blockStreams();
    await page.getByRole('dialog', { name: 'Sign in again' }).waitFor();
    expect(await axeViolations(page), 'sign in again').toEqual([]);
    await keepScreenshot(page, `${name} sign in again`);
  });

  /** For a person to look at: kept where E2E_SCREENSHOT_DIR says, else gone with the browser's folder. */
  async function keepScreenshot(page: Page, name: string): Promise<void> {
    const dir = process.env.E2E_SCREENSHOT_DIR ?? browser.home;
    await mkdir(dir, { recursive: true });
    await page.screenshot({ path: join(dir, `${name.replaceAll(/\W+/g, '-')}.png`), fullPage: true });
  }
});

const alert = (page: Page, words: string) => page.getByRole('alert').filter({ hasText: words });
const connection = (page: Page, word: string) => page.getByRole('status').filter({ hasText: `Connection: ${word}` });
const expectModels = (page: Page, count: number) => expect.poll(() => page.getByRole('article').count()).toBe(count);
/** React notes an error that a screen's boundary has caught. */
const WITH_MISSING_FILES = {
  ...WIDE,
  expectedErrors: /Failed to fetch dynamically imported module|^Error: Unable to preload CSS for /,
};
const keyField = (page: Page) => page.getByLabel('API key', { exact: true });
function menuItem(page: Page, name: string) {
  return {
    click: async () => {
      await page.getByRole('button', { name: 'Key', exact: true }).click();
      await page.getByRole('button', { name }).click();
    },
  };
}
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
