/** A web page somewhere else, opened in a real browser on the gateway's machine, while the gateway asks for no key. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM_FLAGS, findChromium } from '../support/chromium.ts';
import { listen, portOf, stop } from '../support/fake-hub/listening.ts';
import { modelState } from '../support/model-state.ts';
import { postSpeech } from '../support/post-speech.ts';
import { startTestApp, type TestApp } from '../support/start-app.ts';
import { waitUntil } from '../support/wait-until.ts';

const program = await findChromium();
if (program.missing !== undefined) {
  process.stderr.write(`SKIPPED: pages of other origins in a browser: ${program.missing}\n`);
}

/** Runs in the page: every way to reach the gateway, by name → what could be read of the answer. */
const attempts = (gateway: string) => `(async () => {
  const gateway = ${JSON.stringify(gateway)};
  const speech = gateway + '/v1/audio/transcriptions';
  const form = () => {
    const data = new FormData();
    data.set('model', 'fake/echo');
    data.set('prompt', 'say:stolen');
    data.set('file', new Blob(['audio']), 'a.wav');
    return data;
  };
  const read = async (url, options) => (await fetch(url, options)).text();
  const element = (tag, attributes) => new Promise((resolve) => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.onload = () => resolve(made);
    made.onerror = () => resolve(made);
    document.body.append(made);
  });
  const tries = {
    'fetch models': () => read(gateway + '/v1/models'),
    'fetch health': () => read(gateway + '/health'),
    'fetch admin': () => read(gateway + '/api/admin/models'),
    'fetch with a header that needs a preflight': () =>
      read(gateway + '/v1/models', { headers: { authorization: 'Bearer guessed-key' } }),
    'fetch post': () => read(speech, { method: 'POST', body: form() }),
    'fetch post, no-cors': () => read(speech, { method: 'POST', body: form(), mode: 'no-cors' }),
    'fetch get, no-cors': () => read(gateway + '/v1/models', { mode: 'no-cors' }),
    'fetch post, no-cors, without referrer': () =>
      read(speech, { method: 'POST', body: form(), mode: 'no-cors', referrerPolicy: 'no-referrer' }),
    beacon: async () => { navigator.sendBeacon(speech, form()); return ''; },
    image: async () => (await element('img', { src: gateway + '/v1/models' })).naturalWidth || '',
    script: async () => { await element('script', { src: gateway + '/v1/models' }); return ''; },
    'event source': () => new Promise((resolve) => {
      const source = new EventSource(gateway + '/api/admin/events');
      source.onmessage = (event) => { source.close(); resolve(event.data); };
      source.onerror = () => { source.close(); resolve(''); };
    }),
    frame: async () => (await element('iframe', { src: gateway + '/v1/models' })).contentDocument?.body.textContent ?? '',
    'form post into a frame': async () => {
      await element('iframe', { name: 'answer', src: 'about:blank' });
      const files = new DataTransfer();
      files.items.add(new File(['audio'], 'a.wav'));
      const made = Object.assign(document.createElement('form'), {
        action: speech, method: 'POST', enctype: 'multipart/form-data', target: 'answer',
        innerHTML: '<input name="model" value="fake/echo"><input name="prompt" value="say:stolen"><input type="file" name="file">',
      });
      made.elements.file.files = files.files;
      document.body.append(made);
      const frame = document.querySelector('iframe[name=answer]');
      const loaded = new Promise((resolve) => { frame.onload = resolve; });
      made.submit();
      await loaded;
      return frame.contentDocument?.body.textContent ?? '';
    },
  };
  const outcomes = {};
  for (const [name, attempt] of Object.entries(tries)) outcomes[name] = String(await attempt().catch(() => ''));
  return outcomes;
})()`;

describe.skipIf(program.missing !== undefined)('a gateway without keys on loopback', () => {
  let home: string;
  let browser: Browser;
  let app: TestApp;
  let foreign: Server;
  let friendly: Server;
  beforeAll(async () => {
    const page = (_: unknown, response: { end(text: string): void }) =>
      response.end('<!doctype html><title>page</title>');
    foreign = createServer(page);
    friendly = createServer(page);
    await Promise.all([listen(foreign, '127.0.0.1'), listen(friendly, '127.0.0.1')]);
    app = await startTestApp({ env: { CORS_ORIGINS: `http://127.0.0.1:${portOf(friendly)}` } });
    home = await mkdtemp(join(tmpdir(), 'audio-gateway-page-'));
    browser = await chromium.launch({
      executablePath: program.path ?? '',
      // A name its owner lets mean this machine, as in a DNS rebinding attack.
      args: [...CHROMIUM_FLAGS, '--host-resolver-rules=MAP rebound.example 127.0.0.1'],
      env: { ...process.env, HOME: home },
    });
  });
  afterAll(async () => {
    await browser?.close();
    await app.close();
    await Promise.all([stop(foreign), stop(friendly)]);
    await rm(home, { recursive: true, force: true });
  });

  async function tryAll(pageUrl: string): Promise<Record<string, string>> {
    const page = await browser.newPage();
    try {
      await page.goto(pageUrl);
      return await page.evaluate(attempts(app.url));
    } finally {
      await page.close();
    }
  }

  interface LoggedRequest {
    message: string;
    method: string;
    route: string;
    status: number;
  }

  /** Requests for what is not open to everybody, by the gateway's own log; questions whether one may ask left out. */
  async function requests(): Promise<LoggedRequest[]> {
    const log = await readFile(join(app.dir, 'logs/gateway.log'), 'utf8');
    return log
      .trim()
      .split('\n')
      .map((line): LoggedRequest => JSON.parse(line))
      .filter(
        ({ message, method, route }) => message === 'request' && method !== 'OPTIONS' && /^\/(v1|api)\//.test(route),
      );
  }
  const served = async () => (await requests()).filter(({ status }) => status < 400);

  it('cannot be read or set to work by a page of another origin', async () => {
    for (const host of ['127.0.0.1', 'localhost', 'rebound.example']) {
      const outcomes = await tryAll(`http://${host}:${portOf(foreign)}/`);
      expect(Object.keys(outcomes).length).toBeGreaterThan(10);
      expect([host, Object.entries(outcomes).filter(([, text]) => text !== '')]).toEqual([host, []]);
    }
    // They did arrive: two of fetch, one each of fetch without referrer, beacon and form.
    await waitUntil('the log tells of every post', async () => {
      return (await requests()).filter(({ method }) => method === 'POST').length === 3 * 5;
    });
    expect(await served()).toEqual([]);
    expect(modelState(app.registry)).toMatchObject({ status: 'downloaded', replica: { state: 'stopped' } });
  });

  it('cannot be read under a name that is not this machine, though it is the same origin to the browser', async () => {
    const page = await browser.newPage();
    const answer = await page.goto(`http://rebound.example:${new URL(app.url).port}/v1/models`);
    expect(answer?.status()).toBe(401);
    const read = await page.evaluate("fetch('/v1/models').then((response) => response.status)");
    expect(read).toBe(401);
    await page.close();
    expect(await served()).toEqual([]);
  });

  it('answers a page whose origin its operator has listed, and programs without an origin', async () => {
    const outcomes = await tryAll(`http://127.0.0.1:${portOf(friendly)}/`);
    expect(outcomes['fetch models']).toContain('fake/echo');
    expect(outcomes['fetch post']).toContain('stolen');
    expect(outcomes['fetch admin']).toBe('');
    expect(outcomes['event source']).toBe('');
    expect(await postSpeech(app.url, { prompt: 'say:hello' })).toMatchObject({ status: 200, text: 'hello' });
  });
});
