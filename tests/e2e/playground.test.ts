/** The playground as a person uses it, against the real gateway, its worker and a real small model. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeHub, startFakeHub } from '../support/fake-hub.ts';
import { shareGraph } from '../support/share-graph.ts';
import { hasShared, SHARED_ROOT, shared } from '../support/shared.ts';
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

const CLIP = hasShared ? shared('audio/speech/jfk.wav') : '';
const MODEL = 'zipformer-gigaspeech-3.3m';
const WORDS = /what your country can do for you/i;
/** The microphone says what the file says, again and again. */
const MICROPHONE = [
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  `--use-file-for-fake-audio-capture=${CLIP}`,
];

describe.skipIf(hasNoBrowser || !hasShared)('playground', () => {
  const browser = useDashboardBrowser(MICROPHONE);
  let hub: FakeHub;
  let app: TestApp;
  beforeAll(async () => {
    hub = await startFakeHub({
      root: `${SHARED_ROOT}/hub`,
      // Half of it is the drums, half the vocals.
      repos: { 'tests/stems': { 'htdemucs.onnx': shareGraph([0.5, 0, 0, 0.5], 44_100) } },
    });
    app = await startTestApp({ env: { HF_ENDPOINT: hub.url, FRONTEND_DIST: browser.dist } });
    const added = await fetch(`${app.url}/api/admin/models`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app.adminKey}` },
      body: JSON.stringify({ id: 'stems', family: 'demucs', repo: 'tests/stems', settings: { license: 'MIT' } }),
    });
    expect(added.status).toBe(201);
  });
  afterAll(async () => {
    await app?.close();
    await hub?.close();
  });

  const open = async (options: object = WIDE) => {
    const page = await browser.open(`${app.url}/playground?model=${MODEL}`, options);
    await signIn(page, app.adminKey, { keepIn: 'tab' });
    await page.getByRole('heading', { level: 1, name: 'Playground' }).waitFor();
    await page.getByRole('button', { name: 'Choose a file' }).waitFor();
    return page;
  };

  test('a dropped file becomes words, which a reload still shows', async () => {
    const page = await open();
    await page.getByText('Not downloaded').waitFor();
    await page.getByLabel('Audio file').setInputFiles(CLIP);
    expect(await page.getByRole('tabpanel').textContent()).toMatch(/\$API_KEY.*jfk\.wav.*timestamp_granularities/s);
    await submit(page);
    await expectWords(page);
    expect(page.url()).toContain('?model=zipformer-gigaspeech-3.3m&job=job_');
    expect(page.url()).not.toContain(app.adminKey);

    await page.reload();
    await expectWords(page);
    const waveform = page.getByRole('slider', { name: 'Waveform of the recording' });
    await waveform.waitFor();
    // A click on a word goes there; so does the keyboard.
    await word(page, 'country').first().click();
    await eventually(() => seconds(waveform)).toBeGreaterThanOrEqual(3);
    await page
      .getByRole('group', { name: /^Line at 0:0/ })
      .first()
      .focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await eventually(() => seconds(waveform)).toBeLessThan(2);
    await page.keyboard.press('Tab');

    await page.getByRole('button', { name: 'Play', exact: true }).click();
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
    await page.locator('[data-piece][data-active]').waitFor();
    expect(await page.locator('[data-current]').count()).toBe(1);
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    // Not the key, and nothing that holds it.
    expect(await page.evaluate('[...document.querySelectorAll("audio")].map(({ src }) => src).join()')).not.toContain(
      'agw-',
    );

    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download as SRT' }).click(),
    ]);
    expect(saved.suggestedFilename()).toBe('jfk.srt');
    for (const [format, name] of [
      ['TXT', 'jfk.txt'],
      ['VTT', 'jfk.vtt'],
      ['JSON', 'jfk.json'],
      ['Verbose JSON', 'jfk.verbose.json'],
    ]) {
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: `Download as ${format}`, exact: true }).click();
      expect((await download).suggestedFilename()).toBe(name);
    }
    expect(await axeViolations(page, { preload: false })).toEqual([]);
    await keepScreenshot(page, 'playground wide');

    // Unloaded, it says what the next one waits for.
    await app.registry.unload(MODEL, { force: true });
    await page.getByText(/^It is loaded first.* Its last load took \d/).waitFor();
    await app.registry.deleteFiles(MODEL);
    await page.getByText(/^Cold: \d.*B are downloaded and loaded first.* Its last load took \d/).waitFor();
  });

  test('a recording of the microphone becomes words', async () => {
    const page = await open({ ...NARROW, permissions: ['microphone'], colorScheme: 'dark' });
    await page.getByText('Microphone', { exact: true }).click();
    await page.getByRole('button', { name: 'Record' }).click();
    await page.getByText('Recording', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Discard' }).click();
    await page.getByRole('button', { name: 'Record' }).click();
    await page.getByText('Recording', { exact: true }).waitFor();
    await page.waitForTimeout(4_000);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('recording.webm').first().waitFor();
    await submit(page);
    await page.locator('[data-piece]').filter({ hasText: /\w/ }).first().waitFor();
    expect(await fitsWidth(page)).toBe(true);
    expect(await axeViolations(page, { preload: false })).toEqual([]);
    await keepScreenshot(page, 'playground narrow');
  });

  test('stems play in step, each by itself and beside the original', async () => {
    const page = await browser.open(`${app.url}/playground?task=separate&model=stems`);
    await signIn(page, app.adminKey);
    await page.getByLabel('Audio file').setInputFiles(CLIP);
    await page.getByRole('button', { name: 'Separate', exact: true }).click();
    const solo = page.getByRole('button', { name: 'Solo: Vocals' });
    await solo.waitFor();
    await page.getByRole('slider', { name: 'Waveform: Drums' }).waitFor();
    await page.getByRole('button', { name: 'Play', exact: true }).click();
    await eventually(() => seconds(page.getByRole('slider', { name: 'Waveform: Drums' }))).toBeGreaterThanOrEqual(1);
    await page.getByRole('button', { name: 'Mute: Drums' }).click();
    expect(await page.getByRole('button', { name: 'Mute: Drums' }).getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press('s');
    expect(await page.getByRole('button', { name: 'Solo: Drums' }).getAttribute('aria-pressed')).toBe('true');
    await page.getByText('Original', { exact: true }).click();
    // Behind the end of the first window.
    await eventually(() => seconds(page.getByRole('slider', { name: 'Waveform: Bass' }))).toBeGreaterThanOrEqual(9);
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    expect(await page.getByText('cannot be played').count()).toBe(0);
    expect(await axeViolations(page, { preload: false })).toEqual([]);
    await keepScreenshot(page, 'playground stems');
  });

  test('two sides are held against a reference, and their words lead to the sound', async () => {
    const page = await browser.open(`${app.url}/evaluate`, { ...WIDE, colorScheme: 'dark' });
    await signIn(page, app.adminKey);
    await page.getByLabel('Audio file').setInputFiles(CLIP);
    await page
      .getByLabel('Reference text')
      .fill('And so, my fellow dear Americans: ask not what your town can do for you.');
    await page.getByLabel('Model of A').selectOption(MODEL);
    await page.getByLabel('Model of B').selectOption(MODEL);
    await page.getByRole('button', { name: 'Compare' }).click();
    await keepScreenshot(page, 'evaluate begun');
    const rate = page.getByRole('row', { name: /^Word error rate/ });
    await eventually(() => rate.textContent()).toMatch(/rate \(WER\)(\d+\.\d%)\1/);
    const diff = page.getByRole('group', { name: 'Differences of B' });
    await diff.getByText('TOWN').waitFor();
    expect(await diff.locator('[data-op="deletion"]').first().textContent()).toBe('−DEAR');
    await diff.getByText('COUNTRY').first().click();
    const waveform = page.getByRole('slider', { name: 'Waveform of the recording' });
    await eventually(() => seconds(waveform)).toBeGreaterThanOrEqual(5);
    expect(page.url()).toMatch(/run=job_\w+(,|%2C)job_\w+/);
    expect(await axeViolations(page, { preload: false })).toEqual([]);
    await keepScreenshot(page, 'evaluate wide');
  });

  /** For a person to look at: kept where E2E_SCREENSHOT_DIR says, else gone with the browser's folder. */
  async function keepScreenshot(page: Page, name: string): Promise<void> {
    const dir = process.env.E2E_SCREENSHOT_DIR ?? browser.home;
    await mkdir(dir, { recursive: true });
    await page.screenshot({ path: join(dir, `${name.replaceAll(/\W+/g, '-')}.png`), fullPage: true });
  }
});

async function submit(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Transcribe', exact: true }).click();
  await page.getByText('Done', { exact: true }).first().waitFor();
}

/** A loaded machine may take its time. */
const eventually = <T>(read: () => Promise<T>) => expect.poll(read);
const transcript = (page: Page) => page.getByRole('list', { name: 'Transcript' });
const word = (page: Page, text: string) => page.locator('[data-piece]').filter({ hasText: new RegExp(text, 'i') });
const expectWords = (page: Page) => eventually(() => transcript(page).textContent()).toMatch(WORDS);
const seconds = async (slider: ReturnType<Page['getByRole']>) => Number(await slider.getAttribute('aria-valuenow'));
