/** `/api/admin/keys` and `/api/admin/audit`: what operators do to keys, and what is left of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuditRow, auditRow } from '../../backend/src/contract/audit.ts';
import type { ApiKey, ApiKeyWithSecret } from '../../backend/src/contract/keys.ts';
import { type Api, errorOf, json, startApi } from '../api/start-api.ts';
import { ADMIN_KEY } from '../support/start-app.ts';

describe('keys over HTTP', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ env: { MODEL_ALIASES: 'whisper-1=fake/echo' } });
  });
  afterAll(() => api.close());

  const admin = (method: string, path: string, body?: unknown) =>
    api.fetch(`/api/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  const create = async (body: object = {}) => {
    const response = await admin('POST', '/keys', { name: 'of the test', ...body });
    expect(response.status).toBe(201);
    return json<ApiKeyWithSecret>(response);
  };
  const withKey = (secret: string, path: string) => api.fetch(path, { headers: { authorization: `Bearer ${secret}` } });
  const audit = async (): Promise<AuditRow[]> => {
    const response = await admin('GET', '/audit');
    expect(response.headers.get('content-type')).toMatch(/^application\/jsonl/);
    const lines = (await response.text()).trimEnd().split('\n');
    return lines.map((line) => auditRow.parse(JSON.parse(line)));
  };

  it('a secret is shown once, by the answer that makes it', async () => {
    const { secret, ...key } = await create();
    expect(secret).toMatch(/^agw-[\w-]{43}$/);
    expect((await withKey(secret, '/v1/models')).status).toBe(200);
    const answers = [await admin('GET', '/keys'), await admin('GET', `/keys/${key.id}`)];
    for (const answer of answers) {
      const text = await answer.text();
      expect(text).toContain(key.id);
      expect(text).not.toContain(secret);
    }
    const rotated = await json<ApiKeyWithSecret>(await admin('POST', `/keys/${key.id}/rotate`));
    expect(rotated.secret).not.toBe(secret);
    expect(await errorOf(await withKey(secret, '/v1/models'))).toMatchObject({ status: 401, code: 'api_key_expired' });
    expect((await withKey(rotated.secret, '/v1/models')).status).toBe(200);
  });

  it('an admin key that was made opens /api, until it is no admin any more', async () => {
    const { id, secret } = await create({ scopes: { admin: true } });
    expect((await withKey(secret, '/api/admin/keys')).status).toBe(200);
    await admin('PATCH', `/keys/${id}`, { scopes: { admin: false } });
    expect(await errorOf(await withKey(secret, '/api/admin/keys'))).toMatchObject({ code: 'admin_key_required' });
  });

  it('models are named by id or alias, and are what the key sees and may use', async () => {
    const { id, secret } = await create({ scopes: { models: ['whisper-1', 'fake/echo'] } });
    expect(await json<ApiKey>(await admin('GET', `/keys/${id}`))).toMatchObject({ scopes: { models: ['fake/echo'] } });
    const { data } = await json<{ data: { id: string }[] }>(await withKey(secret, '/v1/models'));
    expect(data.map((model) => model.id)).toEqual(['fake/echo']);
    const init = { headers: { authorization: `Bearer ${secret}` } };
    expect((await api.transcribe({ model: 'whisper-1' }, init)).status).toBe(200);
    const refused = await api.transcribe({ model: 'zipformer-gigaspeech-3.3m' }, init);
    expect(await errorOf(refused)).toMatchObject({ status: 403, code: 'insufficient_scope', param: 'model' });
    expect((await withKey(secret, '/v1/models/whisper-1')).status).toBe(200);
    expect((await withKey(secret, '/v1/models/zipformer-gigaspeech-3.3m')).status).toBe(403);
  });

  it('a task outside the scopes is refused before the upload is looked at, and named', async () => {
    const { secret } = await create({ scopes: { tasks: ['translation'] } });
    const response = await api.fetch('/v1/audio/transcriptions', {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}` },
      body: 'no form',
    });
    const { error } = await json<{ error: { code: string; message: string } }>(response);
    expect(error).toMatchObject({ code: 'insufficient_scope', message: expect.stringContaining('transcription') });
  });

  it.each([
    ['no name', {}, 'name'],
    ['an empty name', { name: ' ' }, 'name'],
    ['a misspelt limit', { name: 'x', limits: { request_per_minute: 1 } }, 'limits.request_per_minute'],
    ['a misspelt scope', { name: 'x', scopes: { task: [] } }, 'scopes.task'],
    ['a member nobody knows', { name: 'x', expires: 1 }, 'expires'],
    ['a limit of nothing', { name: 'x', limits: { requests_per_minute: 0 } }, 'limits.requests_per_minute'],
    ['half a second', { name: 'x', limits: { audio_seconds_per_day: 0.5 } }, 'limits.audio_seconds_per_day'],
    ['a task nobody knows', { name: 'x', scopes: { tasks: ['singing'] } }, 'scopes.tasks.0'],
    ['a model nobody has', { name: 'x', scopes: { models: ['none'] } }, 'scopes.models'],
    ['a webhook that is no URL', { name: 'x', webhook_url: 'file:///etc/passwd' }, 'webhook_url'],
  ])('%s is refused, and the member named', async (_title, body, param) => {
    expect(await errorOf(await admin('POST', '/keys', body))).toMatchObject({
      status: 400,
      code: 'invalid_value',
      param,
    });
  });

  it.each(['{"name":', '[]', '"name"', 'null'])('a body of %s is no JSON object', async (body) => {
    expect((await errorOf(await admin('POST', '/keys', body))).status).toBe(400);
  });

  it('a body that is too large is refused', async () => {
    const response = await admin('POST', '/keys', { name: 'x'.repeat(300_000) });
    expect(await errorOf(response)).toMatchObject({ status: 413, code: 'request_too_large' });
  });

  it('usage is told of records, of keys of the environment and of anonymous callers', async () => {
    const { id } = await create({ limits: { audio_seconds_per_day: 60 } });
    const { actor } = (await audit()).at(-1) ?? { actor: '' };
    for (const known of [id, actor, 'anonymous']) {
      expect(await json(await admin('GET', `/keys/${known}/usage`))).toMatchObject({
        id: known,
        running: 0,
        today: { audio_seconds: 0, reserved_seconds: 0, limit_seconds: known === id ? 60 : null },
      });
    }
    expect((await admin('GET', '/keys/env_0000000000000000/usage')).status).toBe(404);
  });

  it('the audit log has each action and each failure of one, by opaque ids', async () => {
    const { id } = await create({ name: 'name of a customer' });
    await admin('POST', `/keys/${id}/revoke`);
    await admin('POST', `/keys/${id}/rotate`, {});
    await admin('POST', '/keys/somebody@example.org/revoke');
    await admin('POST', '/keys', { name: '' });
    const rows = await audit();
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_row, index) => index + 1));
    const actor = expect.stringMatching(/^env_[0-9a-f]{16}$/);
    expect(rows.slice(-6)).toMatchObject([
      { actor, action: 'key.create', subject: id, result: 'success', error_code: null },
      { actor, action: 'key.revoke', subject: id, result: 'success' },
      { actor, action: 'key.rotate', subject: id, result: 'failure', error_code: 'key_is_revoked' },
      { actor, action: 'key.revoke', subject: null, result: 'failure', error_code: 'key_not_found' },
      { actor, action: 'key.create', subject: null, result: 'failure', error_code: 'invalid_value' },
      { actor, action: 'audit.export', result: 'success' },
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/customer|example\.org/);
  });
});
