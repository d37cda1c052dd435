/** States that need more than a healthy gateway: offline screens, other models' answers, failures, large files. */
import { stat } from 'node:fs/promises';
import type { Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdminModel } from '../../backend/src/contract/admin.ts';
import type { Job } from '../../backend/src/contract/jobs.ts';
import { adminModel } from '../support/admin-model.ts';
import { startTestApp, type TestApp } from '../support/start-app.ts';
import { wav } from '../support/wav.ts';
import { axeViolations, hasNoBrowser, signIn, useDashboardBrowser, WIDE } from './dashboard-browser.ts';
import { SCREENS } from './dashboard-screens.ts';

/** The console's own words for requests that find nobody. */
const OFFLINE = { ...WIDE, expectedErrors: /ERR_CONNECTION_REFUSED|Failed to fetch/ };

const NEWER = new Set(['/models/add', '/jobs', '/evaluate', '/keys', '/webhooks', '/logs', '/audit', '/settings']);

describe.skipIf(hasNoBrowser)('states', () => {
  const browser = useDashboardBrowser();
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ env: { FRONTEND_DIST: browser.dist, JOB_MAX_ATTEMPTS: '1' } });
  });
  afterAll(() => app.close());

  const openAt = async (path: string) => {
    const page = await browser.open(app.url + path, WIDE);
    await signIn(page, app.adminKey, { keepIn: 'tab' });
    await page.getByRole('heading', { level: 1 }).waitFor();
    return page;
  };
  const authorization = () => ({ authorization: `Bearer ${app.adminKey}` });
  const makeJob = async (prompt: string, audio: Uint8Array = wav(4), name = 'talk.wav'): Promise<Job> => {
    const form = new FormData();
    form.set('model', 'fake/echo');
    form.set('prompt', prompt);
    form.set('cache', 'false');
    form.set('file', new Blob([Buffer.from(audio)]), name);
    const response = await fetch(`${app.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { ...authorization(), prefer: 'respond-async' },
      body: form,
    });
    expect(response.status).toBe(202);
    return (await response.json()) as Job;
  };
  const readJob = async (id: string) =>
    (await (await fetch(`${app.url}/v1/jobs/${id}`, { headers: authorization() })).json()) as Job;
  const finished = async (id: string) => {
    await expect.poll(async () => (await readJob(id)).finished_at).not.toBeNull();
    return await readJob(id);
  };

  test('every screen says that it is offline, or why nothing can be done, and stays accessible', async () => {
    const gone = await startTestApp({ env: { FRONTEND_DIST: browser.dist } });
    const page = await browser.open(gone.url, OFFLINE);
    await signIn(page, gone.adminKey);
    const show = async (path: string, heading: string) => {
      await page.evaluate(`history.pushState(null, '', ${JSON.stringify(path)})`);
      await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
    };
    // What is known of a screen, its script too, comes while somebody answers.
    for (const [path, heading] of SCREENS) {
      await show(path, heading);
      await page.getByRole('status', { name: 'Loading…' }).waitFor({ state: 'detached' });
    }
    await gone.close();
    await page.getByRole('banner').getByText('Offline').waitFor();
    const silent: string[] = [];
    for (const [path, heading] of SCREENS) {
      await show(path, heading);
      const main = page.getByRole('main');
      const said = main
        .getByRole('alert')
        .filter({ hasText: /Offline|cannot be (read|reached)|is not known/ })
        .or(main.getByRole('button', { disabled: true }));
      if (!(await said.first().isVisible()))
        await said
          .first()
          .waitFor()
          .catch(() => silent.push(path));
      // The others are looked at while they are online; each look takes a second.
      if (NEWER.has(path)) expect(await axeViolations(page), path).toEqual([]);
    }
    expect(silent).toEqual([]);
  }, 60_000);

  test('a failed stage is told on the job’s page, with what it said and another try', async () => {
    const { id } = await makeJob('say:begun nonsense');
    expect(await finished(id)).toMatchObject({ status: 'failed' });
    const page = await openAt(`/jobs/${id}`);
    await page.getByRole('region', { name: 'Timeline' }).getByText('Transcription').waitFor();
    await page
      .getByRole('region', { name: 'Events' })
      .getByText(/^Failed: /)
      .waitFor();
    await page.getByRole('button', { name: 'Retry' }).waitFor();
    expect(await axeViolations(page)).toEqual([]);
  });

  test('a large file is downloaded by a ticket, and no address holds the key', async () => {
    const audio = wav(300);
    const { id } = await makeJob('say:long', audio, 'long.wav');
    await finished(id);
    const page = await openAt(`/jobs/${id}`);
    const asked: { method: string; url: string }[] = [];
    page.on('request', (request) => asked.push({ method: request.method(), url: request.url() }));
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download long.wav' }).click(),
    ]);
    expect((await stat(await download.path())).size).toBe(audio.byteLength);
    expect(asked.filter(({ method, url }) => method === 'POST' && url.endsWith(`/${id}/input/ticket`))).toHaveLength(1);
    expect(download.url()).toContain('ticket=');
    expect([download.url(), ...asked.map(({ url }) => url)].filter((url) => url.includes(app.adminKey))).toEqual([]);
  });

  test('speakers stand above the waveform by letter, and below it by name and share', async () => {
    const { id } = await makeJob('say:hello');
    await finished(id);
    const turn = (index: number, speaker: string, text: string) => ({
      ...{ id: index, start: 2 * index, end: 2 * index + 2, text, speaker },
      ...{ seek: 0, tokens: [], temperature: 0, avg_logprob: -0.1, compression_ratio: 1, no_speech_prob: 0 },
    });
    const page = await openAt('/playground');
    await page.route(`**/v1/jobs/${id}/result*`, (route) =>
      changed(route, (answer) => ({
        ...answer,
        text: 'Good day. Hello.',
        segments: [turn(0, 'Ann', 'Good day.'), turn(1, 'Bob', ' Hello.')],
        speakers: [spoken('Ann', 3), spoken('Bob', 1)],
      })),
    );
    await page.evaluate(`history.pushState(null, '', '/playground?job=${id}')`);
    const legend = page.getByRole('list', { name: 'Speakers' });
    await legend.getByText('Ann').waitFor();
    expect(await legend.getByRole('listitem').allTextContents()).toMatchObject(
      [/Ann.*75/, /Bob.*25/].map((each) => expect.stringMatching(each)),
    );
    // Regions lie in the waveform's shadow root, one for each turn.
    await expect.poll(() => regionLetters(page)).toEqual(['A', 'B']);
    expect(await axeViolations(page, { preload: false })).toEqual([]);
  });

  test('speakers are held against RTTM', async () => {
    const jobs = [await makeJob('say:a'), await makeJob('say:b')];
    await Promise.all(jobs.map(({ id }) => finished(id)));
    // A hears both, B takes one for the other for half of the time.
    const heard = [
      [
        ['Ann', 0, 2],
        ['Bob', 2, 4],
      ],
      [
        ['Ann', 0, 3],
        ['Bob', 3, 4],
      ],
    ] as const;
    const page = await openAt('/logs');
    await page.route('**/api/admin/events*', (route) => route.abort());
    await page.route('**/api/admin/models', (route) =>
      changed(route, (answer) => ({
        ...answer,
        data: [...(answer.data as object[]), adminModel({ id: 'ears', task: 'diarization', status: 'ready' })],
      })),
    );
    let sent = 0;
    await page.route('**/v1/audio/diarizations', (route) => route.fulfill({ status: 202, json: jobs[sent++] }));
    for (const [index, { id }] of jobs.entries()) {
      await page.route(`**/v1/jobs/${id}`, (route) => changed(route, (job) => ({ ...job, task: 'diarization' })));
      await page.route(`**/v1/jobs/${id}/result*`, (route) =>
        route.fulfill({
          json: {
            ...{ task: 'diarize', duration: 4, usage: { type: 'duration', seconds: 4 } },
            speakers: ['Ann', 'Bob'].map((speaker) => spoken(speaker, 2)),
            exclusive_segments: [],
            segments: heard[index]?.map(([speaker, start, end]) => ({ speaker, start, end, confidence: 0.9 })),
          },
        }),
      );
    }
    await page.route('**/v1/evaluations', (route) => {
      // What the jobs' own files would say.
      const request = route.request().postDataJSON();
      const hypotheses = request.hypotheses.map(({ label }: { label: string }, index: number) => ({
        label,
        rttm: rttmOf(heard[index] ?? []),
      }));
      return route.continue({ postData: JSON.stringify({ ...request, hypotheses }) });
    });
    await page.evaluate(`history.pushState(null, '', '/evaluate')`);
    await page.getByText('Speakers', { exact: true }).click();
    await page.getByLabel('Reference in RTTM').fill(
      rttmOf([
        ['x', 0, 2],
        ['y', 2, 4],
      ]),
    );
    await page.getByLabel('Audio file').setInputFiles({ name: 'talk.wav', mimeType: 'audio/wav', buffer: wav(4) });
    await page.getByRole('button', { name: 'Compare' }).click();
    const rate = page.getByRole('row', { name: /^Diarization error rate/ });
    await expect.poll(() => rate.textContent()).toMatch(/\(DER\)0(\.0)?%25(\.0)?%/);
    await expect.poll(() => page.getByRole('row', { name: /^Wrong speaker/ }).textContent()).toMatch(/1/);
    await page.getByRole('slider', { name: 'Waveform with the speakers of B' }).waitFor();
    await expect.poll(() => regionLetters(page)).toEqual(['A', 'B', 'A', 'B']);
    expect(await axeViolations(page, { preload: false })).toEqual([]);
  });

  test('a model is compared with itself in another precision, which is loaded in between', async () => {
    const page = await openAt('/logs');
    let precision = 'fp32';
    const loads: unknown[] = [];
    const asBuilt = (model: AdminModel): AdminModel =>
      model.id === 'fake/echo' ? { ...model, status: 'ready', precision, precisions: ['fp32', 'int8'] } : model;
    await page.route('**/api/admin/events*', (route) => route.abort());
    await page.route('**/api/admin/models', (route) =>
      changed(route, (answer) => ({ ...answer, data: (answer.data as AdminModel[]).map(asBuilt) })),
    );
    await page.route('**/load', (route) => {
      const order = route.request().postDataJSON();
      loads.push(order);
      precision = order.precision;
      return route.fulfill({
        status: 202,
        json: asBuilt(app.registry.describe('fake/echo') ?? adminModel({ id: '' })),
      });
    });
    await page.evaluate(`history.pushState(null, '', '/evaluate')`);
    await page.getByLabel('Audio file').setInputFiles({ name: 'talk.wav', mimeType: 'audio/wav', buffer: wav(4) });
    await page.getByLabel('Reference text').fill('hello there');
    for (const side of ['A', 'B']) await page.getByLabel(`Model of ${side}`).selectOption('fake/echo');
    await page.getByLabel('Precision of A').selectOption('fp32');
    await page.getByLabel('Precision of B').selectOption('int8');
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Compare' }).click();
    const rate = page.getByRole('row', { name: /^Word error rate/ });
    await expect.poll(() => rate.textContent()).toMatch(/\(WER\)100(\.0)?%100(\.0)?%/);
    // It was in A's already.
    expect(loads).toEqual([expect.objectContaining({ gpu_device_ids: ['cpu'], precision: 'int8' })]);
  });
});

/** The gateway's own answer, but for what `change` makes of it. */
async function changed(route: Route, change: (answer: Record<string, unknown>) => object): Promise<void> {
  const response = await route.fetch();
  await route.fulfill({ response, json: change((await response.json()) as Record<string, unknown>) });
}

const spoken = (speaker: string, seconds: number) => ({ speaker, seconds, known: false, confidence: null });

function rttmOf(turns: readonly (readonly [speaker: string, start: number, end: number])[]): string {
  return turns
    .map(([speaker, start, end]) => `SPEAKER talk 1 ${start}.000 ${end - start}.000 <NA> <NA> ${speaker} <NA> <NA>`)
    .join('\n');
}

function regionLetters(page: Page): Promise<string[]> {
  return page.evaluate(`
    [...document.querySelectorAll('[role="slider"] div')]
      .flatMap(({ shadowRoot }) => [...(shadowRoot?.querySelectorAll('[part~="region"]') ?? [])])
      .map(({ textContent }) => textContent)`);
}
