/** What an operator does with jobs, keys, settings, logs and the API's description, in a browser at a real gateway. */
import OpenAI, { toFile } from 'openai';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/start-app.ts';
import { wav } from '../support/wav.ts';
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

const MAX_ROWS = 200;

describe.skipIf(hasNoBrowser)('operator', () => {
  const browser = useDashboardBrowser();
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ env: { FRONTEND_DIST: browser.dist } });
  });
  afterAll(() => app.close());

  const openAt = async (path: string, options: PageOptions = WIDE) => {
    const page = await browser.open(app.url + path, options);
    await signIn(page, app.adminKey, { keepIn: 'tab' });
    await page.getByRole('heading', { level: 1 }).waitFor();
    return page;
  };
  const client = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${app.url}/v1`, maxRetries: 0 });
  const transcribe = async (apiKey: string, model = 'fake/echo') =>
    client(apiKey).audio.transcriptions.create({
      model,
      prompt: 'say:hello',
      file: await toFile(wav(1), 'speech.wav'),
    });
  let jobs = 0;
  /** No two are equal: an equal one would take the other's result. */
  const makeJob = async (apiKey = app.adminKey, fields: Record<string, string> = {}) => {
    const form = new FormData();
    form.set('model', 'fake/echo');
    form.set('file', new Blob([wav(1, 100 + ++jobs)]), 'meeting.wav');
    form.set('prompt', 'say:hello');
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    const response = await fetch(`${app.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, prefer: 'respond-async' },
      body: form,
    });
    expect(response.status).toBe(202);
    return ((await response.json()) as { id: string }).id;
  };
  const createKey = (name: string) =>
    fetch(`${app.url}/api/admin/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name }),
    });

  test('makes a key, uses it with the openai client, and revokes it', async () => {
    const page = await openAt('/keys');
    await page.getByRole('button', { name: 'Create a key' }).first().click();
    const wizard = page.getByRole('dialog', { name: 'Create a key' });
    await wizard.getByRole('button', { name: 'Next' }).click();
    await wizard.getByText('Give it a name').waitFor();
    await wizard.getByLabel('Name').fill('front desk');
    await page.keyboard.press('Enter');
    await wizard.getByText('POST /v1/audio/diarizations').waitFor({ state: 'detached' });
    await wizard.getByLabel('Only these', { exact: true }).check();
    await wizard.getByText('POST /v1/audio/diarizations').waitFor();
    await wizard.getByRole('checkbox', { name: 'Separation' }).uncheck();
    await wizard.getByRole('button', { name: 'Next' }).click();
    await wizard.getByLabel('Minutes of audio per day').fill('10');
    await wizard.getByRole('button', { name: 'Next' }).click();
    await wizard.getByText('Transcription, Translation, Diarization').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await wizard.getByRole('button', { name: 'Create a key' }).click();

    const secretDialog = page.getByRole('dialog', { name: 'Secret of front desk' });
    const secret = await secretDialog.getByLabel('Secret', { exact: true }).inputValue();
    await page.keyboard.press('Escape');
    await page.mouse.click(5, 5);
    await secretDialog.waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await secretDialog.getByRole('button', { name: 'I saved it' }).click();
    await secretDialog.waitFor({ state: 'detached' });
    expect(await page.content()).not.toContain(secret);

    expect((await transcribe(secret)).text).toBe('hello');

    await page.getByRole('button', { name: 'Open front desk' }).click();
    const drawer = page.getByRole('dialog', { name: 'front desk' });
    await drawer.getByText(/Today .* of 10 min/).waitFor();
    await drawer.getByText(/minutes of audio in 1 requests/).waitFor();
    expect(page.url()).toContain('/keys?key=key_');
    expect(await axeViolations(page)).toEqual([]);

    await drawer.getByRole('button', { name: 'Revoke' }).click();
    const revoke = page.getByRole('dialog', { name: 'Revoke front desk?' });
    expect(await revoke.getByRole('button', { name: 'Revoke the key' }).isDisabled()).toBe(true);
    await revoke.getByLabel('Type front desk to confirm').fill('front desk');
    await revoke.getByRole('button', { name: 'Revoke the key' }).click();
    await revoke.waitFor({ state: 'detached' });
    await page
      .getByRole('row', { name: /front desk/ })
      .getByText('Revoked')
      .waitFor();
    await expect(transcribe(secret)).rejects.toThrow(/401/);

    await page.goto(`${app.url}/audit?action=key.revoke`);
    await page.getByText(/Chain intact: \d+ rows/).waitFor();
    await page.getByRole('row').getByRole('link', { name: 'front desk' }).waitFor();
    expect(await axeViolations(page)).toEqual([]);
  });

  test('a rotated key works under both secrets while they overlap', async () => {
    const { secret } = (await (await createKey('kiosk')).json()) as { secret: string };
    const page = await openAt('/keys?q=kiosk');
    await page.getByRole('button', { name: 'Open kiosk' }).click();
    await page.getByRole('button', { name: 'Rotate' }).click();
    const rotate = page.getByRole('dialog', { name: 'A new secret for kiosk?' });
    await rotate.getByLabel('The old secret works on for').selectOption('1 hour');
    await rotate.getByRole('button', { name: 'Make a new secret' }).click();
    const shown = page.getByRole('dialog', { name: 'Secret of kiosk' });
    const next = await shown.getByLabel('Secret', { exact: true }).inputValue();
    await shown.getByRole('button', { name: 'I saved it' }).click();
    await page.getByRole('row', { name: /kiosk/ }).getByText('Two secrets').waitFor();
    expect(next).not.toBe(secret);
    for (const each of [secret, next]) expect((await transcribe(each)).text).toBe('hello');
  });

  test('a job keeps its page over a reload, tells of its stages, and is deleted there', async () => {
    const id = await makeJob();
    const page = await openAt('/jobs?status=succeeded');
    await page.getByRole('button', { name: 'Remove filter State: succeeded' }).waitFor();
    await page.getByRole('link', { name: 'meeting.wav' }).click();
    await page.getByText(id).first().waitFor();
    await page.getByRole('region', { name: 'Timeline' }).getByText('Transcription').waitFor();
    await page.getByRole('region', { name: 'Events' }).getByText('Done').waitFor();
    expect(await axeViolations(page)).toEqual([]);

    await page.reload();
    await page.getByRole('region', { name: 'Timeline' }).getByText('Transcription').waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download transcript.txt' }).click();
    expect((await download).suggestedFilename()).toBe('transcript.txt');

    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete the job' }).click();
    await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
    await page.getByRole('link', { name: id }).waitFor({ state: 'detached' });
  });

  test('new jobs wait behind a pill, several are deleted together, and a user key sees its own only', async () => {
    const first = await makeJob();
    const { secret } = (await (await createKey('guest')).json()) as { secret: string };
    const page = await openAt('/jobs');
    await page.getByText(first).waitFor();
    const theirs = await makeJob(secret);
    await page.getByRole('button', { name: '1 new' }).click();
    await page.getByText(theirs).waitFor();
    await page
      .getByRole('row', { name: new RegExp(theirs) })
      .getByRole('button', { name: 'guest' })
      .click();
    await page.getByText(first).waitFor({ state: 'detached' });
    expect(page.url()).toContain('key=key_');
    await page.getByRole('button', { name: /^Remove filter Key/ }).click();
    for (const id of [first, theirs]) await page.getByLabel(`Select ${id}`).check();
    await page.getByRole('region', { name: 'Selected jobs' }).getByText('2 selected').waitFor();
    expect(await axeViolations(page)).toEqual([]);

    const user = await browser.open(`${app.url}/jobs`, NARROW);
    await signIn(user, secret);
    await user.getByText(theirs).waitFor();
    expect(await user.getByText(first).count()).toBe(0);
    expect(await fitsWidth(user)).toBe(true);

    await page.getByRole('region', { name: 'Selected jobs' }).getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete 2 jobs' }).click();
    await page.getByText(theirs).waitFor({ state: 'detached' });
    await user.getByText('There are no jobs yet').waitFor();
  });

  test('an alias that is set here holds at once, and unsaved changes are not lost by a click', async () => {
    const page = await openAt('/settings');
    const names = page.getByLabel(/^Alias \d+$/);
    await page.getByRole('switch', { name: 'Aliases: Set here' }).check();
    await page.getByRole('button', { name: 'Add an alias' }).click();
    await names.last().fill('of-the-desk');
    await page
      .getByLabel(/^Model of alias/)
      .last()
      .selectOption('fake/echo');
    await page.getByText('Unsaved: Aliases').waitFor();
    expect(await axeViolations(page)).toEqual([]);

    await page.getByRole('link', { name: 'Logs' }).click();
    const leave = page.getByRole('dialog', { name: 'Leave without saving?' });
    await leave.getByRole('button', { name: 'Cancel' }).click();
    await leave.waitFor({ state: 'detached' });
    expect(new URL(page.url()).pathname).toBe('/settings');

    await expect(transcribe(app.adminKey, 'of-the-desk')).rejects.toThrow(/404/);
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('It holds from now on').waitFor();
    expect((await transcribe(app.adminKey, 'of-the-desk')).text).toBe('hello');
    await page.reload();
    await names.last().waitFor();
    await page.goto(`${app.url}/audit?action=settings.update`);
    const diff = page.getByRole('list', { name: 'Changes' }).first();
    await diff.getByText('aliases.of-the-desk').waitFor();
    expect(await diff.getByRole('listitem').filter({ hasText: 'of-the-desk' }).textContent()).toMatch(
      /– → .*fake\/echo$/,
    );
    await page.getByText(/Chain intact: \d+ rows/).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.goto(`${app.url}/settings`);
    await names.last().waitFor();
    expect(await Promise.all((await names.all()).map((name) => name.inputValue()))).toContain('of-the-desk');
  });

  test('the hub’s token is written, and never shown', async () => {
    const page = await openAt('/settings');
    await page.getByText('No token').waitFor();
    const field = page.getByLabel('New token');
    await field.fill('hf_of_the_page_test');
    await page.getByRole('button', { name: 'Test', exact: true }).click();
    await page.getByText('The hub could not be asked').waitFor();
    await page.getByRole('button', { name: 'Store' }).click();
    await page.getByText('A token is stored').waitFor();
    expect(await field.inputValue()).toBe('');
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove the token' }).click();
    await page.getByText('No token').waitFor();
  });

  test('the log is followed, pauses when it is scrolled, and is filtered by request', async () => {
    const page = await openAt('/logs');
    await page.getByText('Following').waitFor();
    const lines = page.getByRole('region', { name: 'Lines of the log' });
    let id = '';
    for (let count = 0; count < 40; count += 1) id = await makeRequest(app);
    await lines
      .getByRole('button', { name: `Only request ${id}` })
      .first()
      .waitFor();
    await lines.hover();
    await page.mouse.wheel(0, -400);
    await page.getByText('Paused').waitFor();
    for (let count = 0; count < 5; count += 1) id = await makeRequest(app);
    await page.getByRole('button', { name: /new lines?$/ }).click();
    await page.getByText('Following').waitFor();
    await lines
      .getByRole('button', { name: `Only request ${id}` })
      .first()
      .click();
    await page.getByRole('button', { name: `Remove filter Request id: ${id}` }).waitFor();
    expect(page.url()).toBe(`${app.url}/logs?request=${id}`);
    expect(await axeViolations(page)).toEqual([]);
  });

  test('webhooks: a secret is made and ended, and a test says why it did not arrive', async () => {
    const page = await openAt('/webhooks');
    await page.getByText('There is no secret yet').waitFor();
    await page.getByRole('button', { name: 'New secret' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make the secret' }).click();
    const shown = page.getByRole('dialog', { name: 'Secret of your webhooks' });
    expect(await shown.getByLabel('Secret', { exact: true }).inputValue()).toMatch(/^whsec_/);
    await shown.getByRole('button', { name: 'I saved it' }).click();
    await page.getByText('In use').waitFor();
    await page.getByLabel('Address').fill('https://127.0.0.1/hook');
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByRole('alert').first().waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole('button', { name: /^End secret/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End the secret' }).click();
    await page.getByText('There is no secret yet').waitFor();
  });

  test('webhooks: an admin key sees those of every key, a user key its own', async () => {
    const { secret, id } = (await (await createKey('sender')).json()) as { secret: string; id: string };
    for (const key of [app.adminKey, secret]) {
      const made = await fetch(`${app.url}/v1/webhooks/secrets`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
      });
      expect(made.status).toBe(201);
      await makeJob(key, { webhook_url: `https://${key === secret ? 'theirs' : 'ours'}.invalid/hook` });
    }
    const page = await openAt('/webhooks');
    await page.getByText('https://ours.invalid/hook').waitFor();
    await page.getByText('https://theirs.invalid/hook').waitFor();
    await page.getByRole('combobox', { name: 'Key' }).selectOption('sender');
    await page.getByText('https://ours.invalid/hook').waitFor({ state: 'detached' });
    expect(page.url()).toContain(`key=${id}`);
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole('link', { name: 'job.succeeded' }).click();
    await page.getByRole('region', { name: 'Delivery' }).getByText('sender').waitFor();
    await page.getByRole('button', { name: 'Send again' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send it' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });

    const user = await browser.open(`${app.url}/webhooks`, NARROW);
    await signIn(user, secret);
    await user.getByText('https://theirs.invalid/hook').waitFor();
    expect(await user.getByText('https://ours.invalid/hook').count()).toBe(0);
    expect(await user.getByRole('combobox', { name: 'Key' }).count()).toBe(0);
    expect(await fitsWidth(user)).toBe(true);
  });

  test('the playground shows a text as it is heard, can be stopped, and says why one failed', async () => {
    const page = await openAt('/playground?model=fake%2Fecho');
    await page.getByLabel('Audio file').setInputFiles({ name: 'note.wav', mimeType: 'audio/wav', buffer: wav(1) });
    await page.getByLabel('Text as it is heard').check();
    await page.getByLabel('Prompt').fill('say:first sleep:700 say:second');
    const heard = page.getByRole('log');
    await page.getByRole('button', { name: 'Transcribe', exact: true }).click();
    await expect.poll(() => heard.textContent()).toBe('first');
    await expect.poll(() => heard.textContent()).toBe('firstsecond');
    await page.getByText('Done', { exact: true }).waitFor();
    expect(page.url()).not.toContain('job=');
    expect(await axeViolations(page)).toEqual([]);
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download as TXT' }).click();
    expect((await download).suggestedFilename()).toBe('note.txt');

    await page.getByLabel('Prompt').fill('say:begun sleep:60000');
    await page.getByRole('button', { name: 'Transcribe', exact: true }).click();
    await expect.poll(() => heard.textContent()).toBe('begun');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByText('Cancelled', { exact: true }).waitFor();
    await page.getByLabel('Prompt').fill('say:begun sleep:300 exit:1');
    await page.getByRole('button', { name: 'Transcribe', exact: true }).click();
    await page.getByRole('alert').filter({ hasText: 'The job failed' }).waitFor();
    expect(await heard.textContent()).toBe('begun');
    // What needs all of the audio first cannot be had so.
    await page.getByLabel('Say who speaks').check();
    expect(await page.getByLabel('Text as it is heard').count()).toBe(0);
  });

  test('the API’s description is searched, opened by its address and read', async () => {
    const page = await openAt('/docs?q=transcription');
    await page.getByText('/v1/audio/transcriptions').click();
    await page.getByText('-F file=@audio.wav').waitFor();
    await page.getByRole('region', { name: 'Errors' }).getByText('401').waitFor();
    expect(page.url()).toContain('operation=');
    expect(await axeViolations(page)).toEqual([]);
    await page.reload();
    await page.getByText('-F file=@audio.wav').waitFor();
  });

  test('a long list keeps few rows on the page, and J and K go through it', async () => {
    for (let count = 0; count < 230; count += 1) expect((await createKey(`key ${count}`)).status).toBe(201);
    const page = await openAt('/keys');
    await page.getByRole('button', { name: 'Open key 229' }).waitFor();
    expect(await rows(page)).toBeLessThanOrEqual(MAX_ROWS);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('key 228');
    await page.keyboard.press('k');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('key 229');
    const end = page.getByRole('button', { name: 'Open key 0', exact: true });
    const scroll = () => page.evaluate(`document.querySelector('[role="table"]').scrollTo(0, Number.MAX_SAFE_INTEGER)`);
    // Rows have their heights once they are in view: the end moves while it is gone to.
    await expect.poll(() => scroll().then(() => end.count())).toBe(1);
    expect(await rows(page)).toBeLessThanOrEqual(MAX_ROWS);
  });
});

async function rows(page: Page): Promise<number> {
  return page.getByRole('row').count();
}

/** Leaves a line in the log. @returns the request's id */
async function makeRequest({ url, adminKey }: TestApp): Promise<string> {
  const response = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${adminKey}` } });
  return response.headers.get('x-request-id') ?? '';
}
