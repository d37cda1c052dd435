/** A model's life as an operator leads it: the real gateway and workers, a fake hub, a fake DGX. */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createFakeDgx, type FakeDgx } from '../support/fake-dgx.ts';
import { startFakeHub } from '../support/fake-hub.ts';
import { GPU_MODEL_LIST, putGpuModel, SCRIPT } from '../support/gpu-models.ts';
import { startTestApp, type TestApp } from '../support/start-app.ts';
import { tempDir } from '../support/temp-dir.ts';
import { axeViolations, fitsWidth, hasNoBrowser, NARROW, signIn, useDashboardBrowser } from './dashboard-browser.ts';

const MODEL_BYTES = 400_000;
const SLOW = 25_000;
const FULL_MIB = 138_000;

describe.skipIf(hasNoBrowser)('the life of a model', () => {
  const browser = useDashboardBrowser();

  async function start(): Promise<{ app: TestApp; dgx: FakeDgx; slow: () => () => void }> {
    const dgx = await createFakeDgx();
    onTestFinished(() => dgx.remove());
    const cache = await tempDir();
    const script = JSON.stringify({ allocations: dgx.allocations, mib: 50_000 });
    const hub = await startFakeHub({ repos: { 'gpu/a': { [SCRIPT]: script.padEnd(MODEL_BYTES) } } });
    onTestFinished(() => hub.close());
    for (const model of ['gpu/b', 'gpu/c'] as const)
      await putGpuModel(cache, model, { allocations: dgx.allocations, mib: 50_000 });
    // Somebody else's work fills one of the cards.
    await dgx.allocate(process.pid, dgx.uuids[5] ?? '', FULL_MIB);
    const app = await startTestApp({
      modelListUrl: GPU_MODEL_LIST,
      env: {
        NVIDIA_SMI: dgx.path,
        GPU_POLL_SECONDS: '1',
        MODEL_CACHE_DIR: cache,
        HF_ENDPOINT: hub.url,
        // Any file: the fake's workers open no session.
        CUDA_PROVIDER_LIBRARY: process.execPath,
        FRONTEND_DIST: browser.dist,
      },
    });
    onTestFinished(() => app.close());
    return { app, dgx, slow: () => hub.faults.add({ kind: 'slow', bytesPerSecond: SLOW }) };
  }

  test('downloaded, paused, cancelled, resumed; loaded onto a GPU, killed, refused by a full one, unloaded', async () => {
    const { app, dgx, slow } = await start();
    const atFullSpeed = slow();
    const page = await browser.open(`${app.url}/models`);
    await signIn(page, app.adminKey);
    const row = page.getByRole('article', { name: 'gpu/a' });
    await row.waitFor();
    for (const key of ['j', 'j', 'k']) await page.keyboard.press(key);
    expect(await page.evaluate('document.activeElement === document.querySelector("article h2 a")')).toBe(true);

    await row.getByRole('button', { name: 'Download gpu/a' }).click();
    await row.getByRole('progressbar').waitFor();
    await row.getByText(/kB of 400\skB/).waitFor();
    await row.getByText(/kB\/s · .* left/).waitFor();
    await row.getByRole('button', { name: 'Pause gpu/a' }).click();
    await row.getByText('Paused').waitFor();
    await keep(page, 'models paused');
    await row.getByRole('button', { name: 'Resume gpu/a' }).click();
    await row.getByRole('button', { name: 'Cancel… gpu/a' }).click();
    const cancelling = page.getByRole('dialog', { name: 'Cancel the download of gpu/a?' });
    await cancelling.getByLabel('Keep them').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await cancelling.getByRole('button', { name: 'Cancel the download' }).click();
    await row.getByText('Not on disk').waitFor();
    atFullSpeed();
    await row.getByRole('button', { name: 'Download gpu/a' }).click();
    await row.getByText(/400\skB on disk/).waitFor();

    await row.getByRole('button', { name: 'Load… gpu/a' }).click();
    const picker = page.getByRole('dialog', { name: 'Load gpu/a' });
    await picker.getByRole('checkbox', { name: 'GPU 2' }).waitFor();
    expect(await picker.getByRole('checkbox').count()).toBe(9);
    await page.keyboard.press('5');
    await picker.getByText(/Does not fit GPU 5: .* short/).waitFor();
    await keep(page, 'models full');
    expect(await picker.getByRole('button', { name: 'Load', exact: true }).isDisabled()).toBe(true);
    expect(await picker.getByRole('button', { name: /^Use GPU/ }).count()).toBe(2);
    await page.keyboard.press('5');
    await page.keyboard.press('2');
    await picker.getByText(/Fits GPU 2 \(.* → .* free\)/).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await keep(page, 'models picker');
    // As if something had changed between the plan and the click.
    await page.route(
      '**/load',
      (route) => {
        const order = route.request().postDataJSON();
        return route.continue({ postData: JSON.stringify({ ...order, plan_rev: order.plan_rev - 1 }) });
      },
      { times: 1 },
    );
    await picker.getByRole('button', { name: 'Load', exact: true }).click();
    await picker.getByText('Something changed meanwhile').waitFor();
    await picker.getByText(/Fits GPU 2/).waitFor();
    await picker.getByRole('button', { name: 'Load', exact: true }).click();
    await picker.waitFor({ state: 'detached' });
    await row.getByText('Ready').first().waitFor();
    expect(await row.textContent()).toMatch(/GPU 2/);

    // Its worker is killed: the page says so, and that it is back.
    await row.getByRole('link', { name: 'gpu/a' }).click();
    await page.getByRole('heading', { level: 1, name: 'gpu/a' }).waitFor();
    const replicas = page.getByRole('region', { name: 'Replicas' });
    const [replica] = app.registry.describe('gpu/a')?.replicas ?? [];
    await replicas.getByText(`process ${replica?.pid}`).waitFor();
    process.kill(replica?.pid ?? 0, 'SIGKILL');
    await page.getByRole('region', { name: 'Proof of release' }).getByText('Crashed').waitFor();
    await replicas.getByText('Ready').waitFor();
    await expect.poll(() => replicas.textContent()).not.toContain(`process ${replica?.pid} `);
    await keep(page, 'model detail');
    expect(await axeViolations(page)).toEqual([]);

    // Two more on the same card: the idle one would have to go.
    await page.getByRole('link', { name: 'All models' }).click();
    await row.getByRole('button', { name: 'Unload… gpu/a' }).waitFor();
    expect(await columnsOf(page), 'rows with other contents have the same columns').toHaveLength(1);
    await loadOnto(page, 'gpu/b', '2');
    await keep(page, 'models loaded');
    await page
      .getByRole('article', { name: 'gpu/c' })
      .getByRole('button', { name: /^Load…/ })
      .click();
    await page.getByRole('dialog').getByRole('checkbox', { name: 'GPU 2' }).waitFor();
    await page.keyboard.press('2');
    await page
      .getByRole('dialog')
      .getByText(/Evicts gpu\/[ab] from GPU 2 \(idle/)
      .waitFor();
    await keep(page, 'models evicts');
    await page.keyboard.press('Escape');

    await page.getByRole('article', { name: 'gpu/b' }).getByRole('button', { name: 'Unload… gpu/b' }).click();
    const unloading = page.getByRole('dialog', { name: 'Unload gpu/b' });
    await unloading.getByLabel('Let them finish').waitFor();
    await unloading.getByRole('button', { name: 'Unload', exact: true }).click();
    await unloading.getByText('All memory given back').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    expect(await unloading.textContent()).toMatch(/Memory in use .*GB → .*GB/);
    await keep(page, 'models proof');
    await unloading.getByRole('button', { name: 'Close' }).last().click();
    await page.getByRole('article', { name: 'gpu/b' }).getByRole('button', { name: 'Load… gpu/b' }).waitFor();
    // What the hour shows of it, by GPU and by holder.
    await page.getByRole('link', { name: 'GPUs', exact: true }).click();
    await page.getByRole('button', { name: /^GPU 2/ }).click();
    await page.getByRole('heading', { name: 'Last hour of GPU 2' }).waitFor();
    await page.locator('.u-legend').first().getByText('gpu/a').waitFor();
    await page.getByRole('region', { name: 'Who holds the memory' }).getByText('gpu/a').first().waitFor();
    const proofs = page.getByRole('region', { name: 'Proof of release' });
    await proofs.getByText('Unloaded').waitFor();
    await proofs.getByText('Crashed').waitFor();
    // Another card has had a fault meanwhile.
    await dgx.change(({ gpus: { 4: gpu } }) => {
      if (gpu === undefined) throw new Error('the fake has no such GPU');
      gpu.recovery_action = 'Reset';
    });
    await page.getByRole('button', { name: /^GPU 4.*Driver asks for: Reset/ }).waitFor();
    await keep(page, 'GPUs');
    expect(await axeViolations(page), 'GPUs').toEqual([]);
    await page.getByRole('button', { name: 'Show as a table' }).click();
    await page.getByRole('row', { name: /^GPU 2 / }).waitFor();
    expect(await axeViolations(page), 'GPUs as a table').toEqual([]);

    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.getByRole('link', { name: /^GPU 2/ }).waitFor();
    await isLoaded(page);
    await keep(page, 'Overview');
    expect(await axeViolations(page), 'Overview').toEqual([]);
  }, 120_000);

  test('fits a phone, in French and dark', async () => {
    const { app } = await start();
    const page = await browser.open(`${app.url}/models`, { ...NARROW, locale: 'fr', colorScheme: 'dark' });
    await signIn(page, app.adminKey, { language: 'fr' });
    await page.getByRole('article', { name: 'gpu/b' }).getByRole('button', { name: 'Charger… gpu/b' }).click();
    const picker = page.getByRole('dialog');
    await picker.getByRole('checkbox', { name: 'GPU 2' }).click();
    await picker.getByText(/Tient sur GPU 2/).waitFor();
    expect(await fitsWidth(page)).toBe(true);
    expect(await axeViolations(page)).toEqual([]);
    await keep(page, 'phone picker');
    await page.keyboard.press('Escape');
    await picker.waitFor({ state: 'detached' });
    await keep(page, 'phone models');
    for (const [path, heading] of [
      ['/gpus', 'GPU'],
      ['/', 'Vue d’ensemble'],
      ['/models/gpu%2Fb', 'gpu/b'],
      ['/models/add', 'Ajouter un modèle'],
    ] as const) {
      await page.evaluate(`history.pushState(null, '', '${path}')`);
      await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
      await isLoaded(page);
      expect(await fitsWidth(page), path).toBe(true);
      expect(await axeViolations(page), path).toEqual([]);
      await keep(page, `phone ${heading}`);
    }
  }, 60_000);

  test('a repository is examined, added and downloaded; one that no family takes says why', async () => {
    const hub = await startFakeHub({
      repos: { 'acme/Voice': { 'marker.txt': 'echo\n'.repeat(400) }, 'acme/odd': { 'notes.md': 'nothing of use' } },
    });
    onTestFinished(() => hub.close());
    const app = await startTestApp({ env: { HF_ENDPOINT: hub.url, FRONTEND_DIST: browser.dist } });
    onTestFinished(() => app.close());
    const page = await browser.open(`${app.url}/models`);
    await signIn(page, app.adminKey);
    await page.getByRole('link', { name: 'Add a model' }).click();
    const repo = page.getByLabel('Repository');

    await repo.fill('acme/nowhere');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'The repository could not be checked' }).waitFor();
    await repo.fill('acme/odd');
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'acme/odd' }).getByText('Not supported').waitFor();
    expect(await page.getByRole('button', { name: /^Add and download/ }).count()).toBe(0);

    await repo.fill('acme/Voice');
    await page.keyboard.press('Enter');
    const result = page.getByRole('region', { name: 'acme/Voice' });
    await result.getByText('Supported', { exact: true }).waitFor();
    await result.getByText(/2\skB of 2\skB/).waitFor();
    expect(await result.getByLabel('Model id').inputValue()).toBe('voice');
    expect(await axeViolations(page)).toEqual([]);
    await keep(page, 'models add');
    await result.getByRole('button', { name: /^Add and download 2\skB$/ }).click();
    await page.getByRole('heading', { level: 1, name: 'voice' }).waitFor();
    await page
      .getByRole('region', { name: 'Files' })
      .getByText(/2\skB on disk/)
      .waitFor();

    await page.getByRole('button', { name: 'Delete files… voice' }).click();
    const deleting = page.getByRole('dialog', { name: 'Delete the files of voice?' });
    await deleting.getByText(/2\skB of acme\/Voice/).waitFor();
    await deleting.getByRole('button', { name: 'Delete files' }).click();
    await page.getByRole('region', { name: 'Files' }).getByText('Not on disk').waitFor();

    // Fetched again, it goes with its files: from the list, and from the disk.
    await page.getByRole('button', { name: 'Download voice' }).click();
    await page.getByRole('button', { name: 'Load… voice' }).waitFor();
    await page.getByRole('link', { name: 'All models' }).click();
    expect(await page.getByRole('button', { name: /^Remove…/ }).count()).toBe(1);
    await page.getByRole('button', { name: 'Remove… voice' }).click();
    const removing = page.getByRole('dialog', { name: 'Remove voice from the catalogue?' });
    await removing.getByText('requests that name it are answered with 404').waitFor();
    await removing.getByLabel(/^Delete its files too/).check();
    await removing.getByText(/2\skB of acme\/Voice/).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await removing.getByRole('button', { name: 'Remove the model' }).click();
    await page.getByRole('article', { name: 'voice' }).waitFor({ state: 'detached' });
    expect(app.registry.describe('voice')).toBeUndefined();
    const cached = await readdir(join(app.dir, 'models'), { recursive: true });
    expect(cached.filter((path) => path.includes('acme') && path.endsWith('marker.txt'))).toEqual([]);

    // Another one, under a licence that somebody has to confirm first.
    await page.route('**/preflight', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), license: 'cc-by-nc-4.0' } });
    });
    await page.getByRole('link', { name: 'Add a model' }).click();
    await repo.fill('acme/Voice');
    await page.keyboard.press('Enter');
    await result.getByText('Its licence forbids commercial use.').waitFor();
    await result.getByLabel('Model id').fill('lent');
    await result.getByRole('button', { name: /^Add and download/ }).click();
    const licence = page.getByRole('dialog', { name: 'Use lent under this licence?' });
    await licence.getByText('cc-by-nc-4.0').waitFor();
    await licence.getByText('Its licence forbids commercial use.').waitFor();
    await licence.getByText(/^Your key \(.+\), the time, the licence/).waitFor();
    await keep(page, 'models licence');
    expect(await axeViolations(page)).toEqual([]);
    await licence.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('heading', { level: 1, name: 'lent' }).waitFor();
    const files = page.getByRole('region', { name: 'Files' });
    await files.getByText('Licence not confirmed').waitFor();
    await page.getByRole('button', { name: 'Download lent' }).click();
    await licence.getByRole('button', { name: 'Confirm the licence' }).click();
    await files.getByText(/2\skB on disk/).waitFor();
    await files.getByText(/^Confirmed on .* by .+/).waitFor();
    expect(await files.getByText('Licence not confirmed').count()).toBe(0);
  }, 60_000);

  /** Where the parts of each row begin, the header's too: each set of places once. */
  const columnsOf = (page: Page) =>
    page.evaluate(`(() => {
      const rows = [...document.querySelectorAll('main article, main [aria-hidden]:has(+ ul)')];
      const lefts = rows.map((row) => [...row.children].map((part) => Math.round(part.getBoundingClientRect().left)).join(' '));
      return [...new Set(lefts)];
    })()`);

  const isLoaded = (page: Page) =>
    page
      .getByRole('status', { name: /Loading…|Chargement…/ })
      .first()
      .waitFor({ state: 'detached' });

  async function loadOnto(page: Page, model: string, key: string): Promise<void> {
    const row = page.getByRole('article', { name: model });
    await row.getByRole('button', { name: `Load… ${model}` }).click();
    await page
      .getByRole('dialog')
      .getByRole('checkbox', { name: `GPU ${key}` })
      .waitFor();
    await page.keyboard.press(key);
    await page.getByRole('dialog').getByText(`Fits GPU ${key}`).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Load', exact: true }).click();
    await row.getByText('Ready').first().waitFor();
  }

  /** For a person to look at: kept where E2E_SCREENSHOT_DIR says, else gone with the browser's folder. */
  async function keep(page: Page, name: string): Promise<void> {
    const dir = process.env.E2E_SCREENSHOT_DIR ?? browser.home;
    await mkdir(dir, { recursive: true });
    await page.screenshot({ path: join(dir, `${name.replaceAll(/\W+/g, '-')}.png`) });
  }
});
