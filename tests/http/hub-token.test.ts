/** `/api/admin/huggingface/token`: checked with the hub, kept from everybody else, used for downloads at once. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminModel } from '../../backend/src/contract/admin.ts';
import { errorOf, eventually, json } from '../api/start-api.ts';
import { type FakeHub, startFakeHub } from '../support/fake-hub.ts';
import { checkedFetch } from '../support/openapi-check.ts';
import { ADMIN_KEY, startTestApp, type TestApp } from '../support/start-app.ts';

/** Unlike any pattern that the logger knows by itself. */
const TOKEN = 'letmein.of.the.tests';
const OTHER = 'another.of.the.tests';

describe('the token of the hub', () => {
  let hub: FakeHub;
  let app: TestApp;
  let fetchChecked: typeof fetch;
  beforeAll(async () => {
    hub = await startFakeHub({
      accounts: { [TOKEN]: 'ann', [OTHER]: 'bob' },
      repos: { 'acme/talker': { 'marker.txt': 'x' } },
    });
    hub.faults.add({ kind: 'gated', token: TOKEN }, { repo: 'acme/talker', stage: 'api' });
    app = await startTestApp({ env: { HF_ENDPOINT: hub.url } });
    fetchChecked = await checkedFetch(app);
  });
  afterAll(async () => {
    await app.close();
    await hub.close();
  });

  const admin = (method: string, path: string, body?: object, on: TestApp = app) =>
    (on === app ? fetchChecked : fetch)(`${on.url}/api/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const path = '/huggingface/token';
  const file = () => join(app.dir, 'models', '.hf_token');

  it('opens gated repositories from the moment it is set, and is told to nobody', async () => {
    expect(await json(await admin('GET', path))).toMatchObject({ present: false, source: null });
    const talker = { id: 'talker', repo: 'acme/talker', family: 'echo' };
    expect(await errorOf(await admin('POST', '/models', talker))).toMatchObject({
      code: 'hub_access_denied',
      param: 'repo',
    });

    const response = await admin('POST', path, { token: ` ${TOKEN}\n` });
    const answer = await response.text();
    expect(JSON.parse(answer)).toMatchObject({ user: 'ann', valid: true, present: true, source: 'file' });
    expect(answer).not.toContain(TOKEN);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(await readFile(file(), 'utf8')).toBe(TOKEN);
    expect((await admin('POST', '/models', talker)).status).toBe(201);

    const known = async () => {
      const { data } = await json<{ data: AdminModel[] }>(await admin('GET', '/models'));
      return data.find(({ id }) => id === 'talker')?.repositories;
    };
    const asked = hub.requests.length;
    const own = { repo: 'acme/talker', url: `${hub.url}/acme/talker`, gated: 'auto' };
    expect(await known()).toEqual([{ ...own, accessible: null }]);
    expect(hub.requests.length).toBe(asked);
    await admin('POST', '/models/talker/download');
    await eventually(async () => expect(await known()).toEqual([{ ...own, accessible: true }]));
    await eventually(async () => expect((await admin('DELETE', '/models/talker/artifacts')).status).toBe(200));
    // Another token, which the hub does not let in.
    expect((await admin('POST', path, { token: OTHER })).status).toBe(200);
    expect(await known()).toEqual([{ ...own, accessible: null }]);
    await admin('POST', '/models/talker/download');
    await eventually(async () => expect(await known()).toEqual([{ ...own, accessible: false }]));
    expect((await admin('POST', path, { token: TOKEN })).status).toBe(200);

    // As a library might put it into an error.
    app.log.info('a line with the token', { reason: `refused: ${TOKEN}` });
    const log = join(app.dir, 'logs');
    await eventually(async () => {
      const texts = await Promise.all((await readdir(log)).map((name) => readFile(join(log, name), 'utf8')));
      expect(texts.join('')).toContain('a line with the token');
      expect(texts.join('')).not.toContain(TOKEN);
    });
    const audit = await (await admin('GET', '/audit')).text();
    expect(audit).toContain('hub_token.set');
    expect(audit).not.toContain(TOKEN);
  });

  it('that the hub refuses does not replace the one there is', async () => {
    const refused = await admin('POST', path, { token: 'stranger.of.the.tests' });
    expect(await errorOf(refused)).toMatchObject({ status: 400, code: 'invalid_value', param: 'token' });
    expect(await readFile(file(), 'utf8')).toBe(TOKEN);
    for (const token of ['', 'short', 'with a blank', 'x'.repeat(2_000)]) {
      expect(await errorOf(await admin('POST', path, { token }))).toMatchObject({ status: 400, param: 'token' });
    }
    expect(await errorOf(await admin('POST', path, {}))).toMatchObject({ status: 400, param: 'token' });
  });

  it('is tested without being told or stored', async () => {
    const test = async (body: object) => {
      const answer = await (await admin('POST', `${path}/test`, body)).text();
      expect(answer).not.toMatch(/of\.the\.tests/);
      expect(answer).not.toContain(TOKEN);
      return JSON.parse(answer);
    };
    expect(await test({})).toMatchObject({ present: true, source: 'file', user: 'ann', valid: true });
    expect(await test({ token: 'stranger.of.the.tests' })).toMatchObject({ user: null, valid: false });
    expect(await readFile(file(), 'utf8')).toBe(TOKEN);
  });

  it('is removed', async () => {
    expect(await json(await admin('DELETE', path))).toMatchObject({ present: false, source: null });
    await expect(stat(file())).rejects.toThrow('ENOENT');
    expect((await admin('DELETE', path)).status).toBe(200);
  });

  it('of the environment wins, and a hub that knows no accounts is believed nothing', async () => {
    const mirror = await startFakeHub({ repos: {} });
    const other = await startTestApp({ env: { HF_ENDPOINT: mirror.url, HUGGINGFACE_TOKEN: 'of.the.environment' } });
    try {
      const expected = { present: true, source: 'environment', user: null, valid: null };
      expect(await json(await admin('POST', path, { token: TOKEN }, other))).toMatchObject(expected);
      expect(await json(await admin('DELETE', path, undefined, other))).toMatchObject({ present: true });
    } finally {
      await other.close();
      await mirror.close();
    }
  });
});
