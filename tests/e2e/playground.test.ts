/** The playground as a person uses it, against the real gateway, its worker and a real small model. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasShared, shared } from '../support/shared.ts';
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
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ withHub: true, env: { FRONTEND_DIST: browser.dist } });
  });
  afterAll(() => app.close());

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
    await expect.poll(() => seconds(waveform)).toBeGreaterThanOrEqual(3);
    await page
      .getByRole('group', { name: /^Line at 0:0/ })
      .first()
      .focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await expect.poll(() => seconds(waveform)).toBeLessThan(2);
    await page.keyboard.press('Tab');

    await page.getByRole('button', { name: 'Play', exact: true }).click();
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
    await page.locator('[data-piece][data-active]').waitFor();
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
    expect(await axeViolations(page, { preload: false })).toEqual([]);
    await keepScreenshot(page, 'playground wide');
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

const transcript = (page: Page) => page.getByRole('list', { name: 'Transcript' });
const word = (page: Page, text: string) => page.locator('[data-piece]').filter({ hasText: new RegExp(text, 'i') });
const expectWords = (page: Page) => expect.poll(() => transcript(page).textContent()).toMatch(WORDS);
const seconds = async (slider: ReturnType<Page['getByRole']>) => Number(await slider.getAttribute('aria-valuenow'));
