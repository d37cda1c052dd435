/** `/api/admin/settings`: effective at once, kept over restarts, told to other gateways on the database. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AdminModel } from '../../backend/src/contract/admin.ts';
import type { Settings } from '../../backend/src/contract/settings.ts';
import { type Api, errorOf, eventually, json, startApi } from '../api/start-api.ts';
import { readAdminEvents } from '../support/read-admin-events.ts';
import { ADMIN_KEY } from '../support/start-app.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi({ env: { MODEL_ALIASES: 'mine=fake/echo', JOB_RETENTION_DAYS: '7' } });
});
afterAll(() => api.close());

const admin = (method: string, path: string, body?: object, at: Api = api) =>
  at.fetch(`/api/admin/${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const change = async (body: object) => {
  const response = await admin('PATCH', 'settings', body);
  expect(response.status).toBe(200);
  return json<Settings>(response);
};
const exists = async (name: string, at: Api = api) => (await at.fetch(`/v1/models/${name}`)).status === 200;
const isPinned = async () => {
  const { data } = await json<{ data: AdminModel[] }>(await admin('GET', 'models'));
  return data.find(({ id }) => id === 'fake/echo')?.replicas.some(({ pinned }) => pinned);
};

it("are the environment's until they are set, and again when they are not", async () => {
  expect(await json(await admin('GET', 'settings'))).toEqual({
    object: 'settings',
    aliases: { value: { mine: 'fake/echo' }, default: { mine: 'fake/echo' }, overridden: false },
    preload_models: { value: [], default: [], overridden: false },
    job_retention_days: { value: 7, default: 7, overridden: false },
    upload_retention_hours: { value: 24, default: 24, overridden: false },
  });
  const changed = await change({ job_retention_days: 3, upload_retention_hours: 0 });
  expect(changed.job_retention_days).toEqual({ value: 3, default: 7, overridden: true });
  expect(changed.upload_retention_hours.value).toBe(0);
  const back = await change({ job_retention_days: null });
  expect(back.job_retention_days).toEqual({ value: 7, default: 7, overridden: false });
  expect(back.upload_retention_hours.overridden).toBe(true);
});

it('an alias holds from the next request on, here, in other gateways and after restarts', async () => {
  const events = await readAdminEvents(api);
  const env = { DATABASE_URL: api.app.databaseUrl, MODEL_CACHE_DIR: join(api.app.dir, 'models'), MODEL_ALIASES: '' };
  const other = await startApi({ env });
  try {
    await change({ aliases: { yours: 'fake/echo' } });
    expect([await exists('yours'), await exists('mine')]).toEqual([true, false]);
    await eventually(async () => expect(await exists('yours', other)).toBe(true));
    await eventually(() => expect(events.of('settings.changed').length).toBeGreaterThan(0));
  } finally {
    await other.close();
  }
  const later = await startApi({ env });
  try {
    expect(await exists('yours', later)).toBe(true);
  } finally {
    await later.close();
  }
  await change({ aliases: null });
  expect([await exists('yours'), await exists('mine')]).toEqual([false, true]);
});

it('models to be preloaded are loaded and kept, until they are not named any more', async () => {
  await change({ preload_models: ['fake/echo'] });
  await eventually(async () => expect(await isPinned()).toBe(true));
  await change({ preload_models: [] });
  expect(await isPinned()).toBe(false);
});

it.each([
  ['an alias of no model', { aliases: { a: 'none' } }, 'aliases.a'],
  ['an alias that hides a model', { aliases: { 'fake/echo': 'fake/echo' } }, 'aliases.fake/echo'],
  ['a model that is none', { preload_models: ['none'] }, 'preload_models'],
  ['days that are none', { job_retention_days: 0 }, 'job_retention_days'],
  ['a setting nobody knows', { log_level: 'debug' }, 'log_level'],
])('%s is refused, and nothing of the request holds', async (_title, body, param) => {
  const response = await admin('PATCH', 'settings', { upload_retention_hours: 5, ...body });
  expect(await errorOf(response)).toMatchObject({ status: 400, code: 'invalid_value', param });
  expect((await json<Settings>(await admin('GET', 'settings'))).upload_retention_hours.value).toBe(0);
});

it('are in the audit log, by name', async () => {
  const lines = (await (await admin('GET', 'audit')).text()).trimEnd().split('\n');
  const rows = lines.map((line) => JSON.parse(line)).filter(({ action }) => action === 'settings.update');
  expect(rows[0]).toMatchObject({ subject: 'job_retention_days upload_retention_hours', result: 'success' });
  const changes = rows.filter(({ result }) => result === 'success').map((row) => JSON.parse(row.changes));
  expect(changes[0]).toMatchObject({ job_retention_days: { before: null, after: expect.any(Number) } });
  const alias = changes.find((change) => Object.keys(change).some((field) => field.startsWith('aliases.')));
  expect(alias).toBeDefined();
  expect(rows.at(-1)).toMatchObject({ result: 'failure', error_code: 'invalid_value' });
});
