/** Tickets: one file, for whoever opens it first, for minutes, and nothing else. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileTicket, Job } from '../../backend/src/contract/jobs.ts';
import type { ApiKeyWithSecret } from '../../backend/src/contract/keys.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { wav } from '../support/wav.ts';
import { type Api, errorOf, eventually, json, startApi } from './start-api.ts';

let api: Api;
let pitch = 100;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
/** No key at all, as an `<audio>` asks. */
const open = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  api.fetch(path, { method, headers: { authorization: '', ...headers } });
const cookieOf = (response: Response) => response.headers.get('set-cookie')?.split(';')[0] ?? '';
const refused = { status: 401, code: 'invalid_ticket', param: 'ticket' };

async function makeKey() {
  const init = { method: 'POST', headers: bearer(ADMIN_KEY), body: '{"name":"of the test"}' };
  return json<ApiKeyWithSecret>(await api.fetch('/api/admin/keys', init));
}

/** A job that is done, of a key of its own. */
async function doneJob() {
  const key = await makeKey();
  const headers = bearer(key.secret);
  pitch += 1;
  const content = wav(1, pitch);
  const values = { file: new File([content], 'mine "ä".wav'), prompt: 'say:mine', background: 'true' };
  const { id } = await json<Job>(await api.transcribe(values, { headers }));
  await eventually(async () =>
    expect(await json(await api.fetch(`/v1/jobs/${id}`, { headers }))).toMatchObject({ status: 'succeeded' }),
  );
  const ticketFor = async (file: string) => {
    const response = await api.fetch(`/v1/jobs/${id}/${file}/ticket`, { method: 'POST', headers });
    expect(response.status).toBe(201);
    expect(response.headers.get('cache-control')).toBe('no-store');
    return json<FileTicket>(response);
  };
  return { id, key, headers, content, ticketFor };
}

async function onDatabase(statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: api.app.databaseUrl });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

describe('a ticket', () => {
  it('opens its file without a key, in parts, for the session that opened it first', async () => {
    const { content, ticketFor } = await doneJob();
    const { url, expires_at: expires, ends_at: ends } = await ticketFor('input');
    expect(expires - Date.now() / 1000).toBeLessThanOrEqual(60);
    expect(ends - Date.now() / 1000).toBeLessThanOrEqual(300);
    const first = await open(url, { range: 'bytes=0-99' });
    expect(first.status).toBe(206);
    expect(Buffer.from(await first.arrayBuffer())).toEqual(content.subarray(0, 100));
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'content-type': 'audio/wav',
      'content-disposition': `attachment; filename="mine \\"?\\".wav"; filename*=UTF-8''mine%20%22%C3%A4%22.wav`,
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'content-security-policy': 'sandbox',
    });
    expect(first.headers.get('set-cookie')).toMatch(
      /; Max-Age=300; Path=\/v1\/jobs\/[^;]+\/input; .*HttpOnly; SameSite=Strict$/,
    );
    const cookie = cookieOf(first);
    const second = await open(url, { range: 'bytes=100-', cookie: `other=1; ${cookie}` });
    expect(second.status).toBe(206);
    expect(second.headers.get('set-cookie')).toBeNull();
    expect(Buffer.from(await second.arrayBuffer())).toEqual(content.subarray(100));
    // Whoever finds the address has nothing; nor does somebody with a session of another ticket.
    expect(await errorOf(await open(url))).toMatchObject(refused);
    const name = cookie.split('=')[0];
    expect(await errorOf(await open(url, { cookie: `${name}=${'A'.repeat(43)}` }))).toMatchObject(refused);
  });

  it('is taken by one of two who come at once', async () => {
    const { ticketFor } = await doneJob();
    const { url } = await ticketFor('artifacts/result.json');
    const statuses = (await Promise.all([open(url), open(url), open(url)])).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 401, 401]);
  });

  it('opens no other file, job, route or method, and is not used up by the attempt', async () => {
    const [mine, other] = [await doneJob(), await doneJob()];
    const { url } = await mine.ticketFor('artifacts/result.json');
    const query = url.slice(url.indexOf('?'));
    for (const path of [
      `/v1/jobs/${mine.id}/artifacts/manifest.json`,
      `/v1/jobs/${other.id}/artifacts/result.json`,
      `/v1/jobs/${mine.id}`,
      `/v1/jobs/${mine.id}/result`,
      `/v1/jobs/${mine.id}/events`,
      `/v1/jobs/${mine.id}/artifacts/RESULT.json`,
      '/v1/jobs',
      '/v1/key',
    ]) {
      expect(await errorOf(await open(path + query)), path).toMatchObject(refused);
    }
    expect(await errorOf(await open(`/v1/jobs/${mine.id}${query}`, {}, 'DELETE'))).toMatchObject({ status: 401 });
    expect(await errorOf(await open(`${url.replace('?', '/ticket?')}`, {}, 'POST'))).toMatchObject({ status: 401 });
    expect(await errorOf(await open(`/api/admin/models${query}`))).toMatchObject({ code: 'missing_api_key' });
    for (const bad of ['', 'x', 'A'.repeat(43), `${query.slice(8)}&ticket=b`]) {
      expect(await errorOf(await open(`/v1/jobs/${mine.id}/artifacts/result.json?ticket=${bad}`))).toMatchObject(
        refused,
      );
    }
    expect((await open(url)).status).toBe(200);
  });

  it('is only for who may read the file', async () => {
    const { id } = await doneJob();
    const stranger = await makeKey();
    for (const key of [stranger.secret, ADMIN_KEY]) {
      const init = { method: 'POST', headers: bearer(key) };
      expect(await errorOf(await api.fetch(`/v1/jobs/${id}/input/ticket`, init))).toMatchObject({
        status: 404,
        code: 'job_not_found',
      });
    }
    const { headers } = await doneJob();
    expect(
      await errorOf(await api.fetch(`/v1/jobs/${id}/artifacts/no.wav/ticket`, { method: 'POST', headers })),
    ).toMatchObject({ status: 404 });
  });

  it.each(['revoke', 'rotate'])('ends when its key is %sd', async (action) => {
    const { key, ticketFor } = await doneJob();
    const [used, unused] = [await ticketFor('input'), await ticketFor('input')];
    const cookie = cookieOf(await open(used.url));
    expect((await open(used.url, { cookie })).status).toBe(200);
    await api.fetch(`/api/admin/keys/${key.id}/${action}`, { method: 'POST', headers: bearer(ADMIN_KEY) });
    expect(await errorOf(await open(used.url, { cookie }))).toMatchObject(refused);
    expect(await errorOf(await open(unused.url))).toMatchObject(refused);
  });

  it('ends with its job', async () => {
    const { id, headers, ticketFor } = await doneJob();
    const { url } = await ticketFor('input');
    await api.fetch(`/v1/jobs/${id}`, { method: 'DELETE', headers });
    expect(await errorOf(await open(url))).toMatchObject(refused);
  });

  it('ends in time, before its first use and after', async () => {
    const { id, ticketFor } = await doneJob();
    const [late, used] = [await ticketFor('input'), await ticketFor('input')];
    const cookie = cookieOf(await open(used.url));
    await onDatabase(`update tickets set expires_at = now() where path like '%${id}%'`);
    expect(await errorOf(await open(late.url))).toMatchObject(refused);
    expect((await open(used.url, { cookie })).status).toBe(200);
    await onDatabase(`update tickets set ends_at = now() where path like '%${id}%'`);
    expect(await errorOf(await open(used.url, { cookie }))).toMatchObject(refused);
    await ticketFor('input');
    expect(await onDatabase(`select 1 from tickets where path like '%${id}%'`)).toHaveLength(1);
  });

  it('stands neither in the log nor in the database', async () => {
    const { ticketFor } = await doneJob();
    const { url } = await ticketFor('input');
    const response = await open(url);
    await open(url);
    const secret = url.slice(url.indexOf('=') + 1);
    const session = cookieOf(response).split('=')[1] ?? '?';
    const id = response.headers.get('x-request-id') ?? '?';
    const logs = join(api.app.dir, 'logs');
    const text = await eventually(async () => {
      const files = await Promise.all((await readdir(logs)).map((name) => readFile(join(logs, name), 'utf8')));
      expect(files.join('')).toContain(id);
      return files.join('');
    });
    const rows = JSON.stringify(await onDatabase('select * from tickets'));
    for (const hidden of [secret, session]) {
      expect(text).not.toContain(hidden);
      expect(rows).not.toContain(hidden);
    }
  });
});
