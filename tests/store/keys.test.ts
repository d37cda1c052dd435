/** Whom a secret belongs to, from the environment, from the database, and from the key file of earlier versions. */
import { createHash } from 'node:crypto';
import { access, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { verifyAudit } from '../../backend/src/store/audit.ts';
import { KeyRecords } from '../../backend/src/store/key-records.ts';
import { openKeys } from '../../backend/src/store/keys.ts';
import { openTestDatabase } from '../support/open-test-database.ts';
import { tempDir } from '../support/temp-dir.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const NO_KEYS = { apiKeys: [], adminApiKeys: [] };

async function setUp() {
  const { db } = await openTestDatabase();
  const dataDir = await tempDir();
  const { keys } = await openKeys({ db, dataDir, apiKeys: [], adminApiKeys: ['admin-of-the-test'] });
  return { db, dataDir, keys, records: new KeyRecords(db) };
}

describe('keys of the environment', () => {
  it('tell users, admins and strangers apart; a key in both lists is an admin', async () => {
    const { db } = await openTestDatabase();
    const { keys, created } = await openKeys({
      db,
      dataDir: await tempDir(),
      apiKeys: ['user-key', 'both-key'],
      adminApiKeys: ['admin-key', 'both-key'],
    });
    expect(created).toBeUndefined();
    expect(await keys.identify('user-key')).toMatchObject({ role: 'user', scopes: { admin: false } });
    expect(await keys.identify('admin-key')).toMatchObject({ role: 'admin', scopes: { admin: true } });
    expect(await keys.identify('both-key')).toMatchObject({ role: 'admin' });
    expect(await keys.identify('user-key ')).toBeUndefined();
    expect(await keys.hasUserKeys()).toBe(true);
  });

  it('have an id that follows from the key, and tells nothing of it', async () => {
    const { keys } = await setUp();
    const id = `env_${sha256('admin-of-the-test').slice(0, 16)}`;
    expect(await keys.identify('admin-of-the-test')).toMatchObject({ id });
    expect(keys.environmentPrincipal(id)).toMatchObject({ id });
    expect(keys.environmentPrincipal('env_0000000000000000')).toBeUndefined();
  });
});

describe('the first start', () => {
  it('makes an admin key, keeps its hash only, and knows it on the next start', async () => {
    const { db } = await openTestDatabase();
    const dataDir = join(await tempDir(), 'data');
    const first = await openKeys({ db, dataDir, ...NO_KEYS });
    const { key = '', path = '' } = first.created ?? {};
    expect(await first.keys.identify(key)).toMatchObject({ role: 'admin', id: expect.stringMatching(/^key_/) });
    expect(await first.keys.hasUserKeys()).toBe(false);
    expect(await readFile(path, 'utf8')).toBe(`${key}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const { rows } = await sql<{ row: string }>`select api_keys::text as row from api_keys`.execute(db);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.row).not.toContain(key);

    const second = await openKeys({ db, dataDir, ...NO_KEYS });
    expect(second.created).toBeUndefined();
    expect(await second.keys.identify(key)).toMatchObject({ role: 'admin' });
  });

  it('of two gateways at once makes one', async () => {
    const { db } = await openTestDatabase();
    const starts = await Promise.all([1, 2, 3].map(async () => openKeys({ db, dataDir: await tempDir(), ...NO_KEYS })));
    expect(starts.filter(({ created }) => created !== undefined)).toHaveLength(1);
  });

  it('after the last admin key was revoked makes another', async () => {
    const { db } = await openTestDatabase();
    const dataDir = await tempDir();
    const first = await openKeys({ db, dataDir, ...NO_KEYS });
    const records = new KeyRecords(db);
    const [only] = await records.list();
    await records.revoke('key_test', only?.id ?? '');
    const next = await openKeys({ db, dataDir, ...NO_KEYS });
    expect(next.created?.key).toMatch(/^agw-/);
    expect(next.created?.key).not.toBe(first.created?.key);
  });
});

describe('keys.json', () => {
  const file = JSON.stringify({
    keys: [
      { role: 'admin', sha256: sha256('old-admin') },
      { role: 'user', sha256: sha256('old-user') },
    ],
  });

  it('is imported once; its keys work on', async () => {
    const { db } = await openTestDatabase();
    const dataDir = await tempDir();
    const path = join(dataDir, 'keys.json');
    await writeFile(path, file);
    const { keys, created } = await openKeys({ db, dataDir, ...NO_KEYS });
    expect(created).toBeUndefined();
    expect(await keys.identify('old-admin')).toMatchObject({ role: 'admin' });
    expect(await keys.identify('old-user')).toMatchObject({ role: 'user' });
    expect(await keys.hasUserKeys()).toBe(true);
    await expect(access(path)).rejects.toThrow(/ENOENT/);
    expect(await readFile(`${path}.imported`, 'utf8')).toBe(file);
  });

  it('that is there again adds nothing, and revives no key', async () => {
    const { db } = await openTestDatabase();
    const dataDir = await tempDir();
    await writeFile(join(dataDir, 'keys.json'), file);
    const { keys } = await openKeys({ db, dataDir, ...NO_KEYS });
    const records = new KeyRecords(db);
    const user = (await records.list()).find(({ scopes }) => !scopes.admin);
    await records.revoke('key_test', user?.id ?? '');
    await writeFile(join(dataDir, 'keys.json'), file);
    await openKeys({ db, dataDir, ...NO_KEYS });
    expect(await records.list()).toHaveLength(2);
    await expect(keys.identify('old-user')).rejects.toMatchObject({ code: 'api_key_revoked' });
  });

  it.each(['{"keys":1}', 'nonsense', '{"keys":[{"role":"admin","sha256":"zz"}]}'])(
    'that says %s stops the start',
    async (text) => {
      const { db } = await openTestDatabase();
      const dataDir = await tempDir();
      await writeFile(join(dataDir, 'keys.json'), text);
      await expect(openKeys({ db, dataDir, ...NO_KEYS })).rejects.toThrow(/not a key file/);
    },
  );
});

describe('a key record', () => {
  it('is found by its secret, with what it may do and how much', async () => {
    const { keys, records } = await setUp();
    const made = await records.create('key_actor', {
      name: 'transcribers',
      scopes: { tasks: ['transcription'], models: ['fake/echo'] },
      limits: { requests_per_minute: 5, audio_seconds_per_day: 60 },
    });
    expect(made.secret.startsWith(made.prefix ?? '-')).toBe(true);
    expect(await keys.identify(made.secret)).toEqual({
      id: made.id,
      role: 'user',
      scopes: { admin: false, tasks: ['transcription'], models: ['fake/echo'] },
      limits: {
        requests_per_minute: 5,
        concurrent_jobs: null,
        audio_seconds_per_day: 60,
        audio_seconds_per_month: null,
      },
    });
    expect(await records.find(made.id)).toEqual({ ...made, secret: undefined });
  });

  it('is refused from the moment of its revocation, in every gateway; the server does not open for that', async () => {
    const { db, dataDir, keys, records } = await setUp();
    const { id, secret } = await records.create('key_actor', { name: 'short-lived' });
    const other = (await openKeys({ db, dataDir, apiKeys: [], adminApiKeys: ['admin-of-the-test'] })).keys;
    expect(await other.identify(secret)).toMatchObject({ id });
    const revoked = await records.revoke('key_actor', id);
    await expect(keys.identify(secret)).rejects.toMatchObject({ code: 'api_key_revoked', status: 401 });
    await expect(other.identify(secret)).rejects.toMatchObject({ code: 'api_key_revoked' });
    expect(await keys.hasUserKeys()).toBe(true);
    expect(await records.revoke('key_actor', id)).toEqual(revoked);
    await expect(records.rotate('key_actor', id, { overlap_seconds: 60 })).rejects.toMatchObject({
      code: 'key_is_revoked',
    });
    await expect(records.update('key_actor', id, { name: 'revived' })).rejects.toMatchObject({
      code: 'key_is_revoked',
    });
  });

  it('expires by the clock of the database', async () => {
    const { db, keys, records } = await setUp();
    const soon = Math.floor(Date.now() / 1000) + 3600;
    const { id, secret } = await records.create('key_actor', { name: 'for an hour', expires_at: soon });
    expect(await keys.identify(secret)).toMatchObject({ id });
    await sql`update api_keys set expires_at = now() where id = ${id}`.execute(db);
    await expect(keys.identify(secret)).rejects.toMatchObject({ code: 'api_key_expired', status: 401 });
    await records.update('key_actor', id, { expires_at: null });
    expect(await keys.identify(secret)).toMatchObject({ id });
  });

  it('is the same after a rotation, which the old secret survives only for as long as it was asked to', async () => {
    const { db, keys, records } = await setUp();
    const first = await records.create('key_actor', { name: 'rotated', limits: { concurrent_jobs: 2 } });
    const second = await records.rotate('key_actor', first.id, { overlap_seconds: 60 });
    expect(second).toMatchObject({ id: first.id, name: 'rotated', limits: { concurrent_jobs: 2 } });
    expect(await keys.identify(first.secret)).toEqual(await keys.identify(second.secret));
    await sql`update api_keys set previous_expires_at = now() where id = ${first.id}`.execute(db);
    await expect(keys.identify(first.secret)).rejects.toMatchObject({ code: 'api_key_expired' });
    expect(await keys.identify(second.secret)).toMatchObject({ id: first.id });

    const third = await records.rotate('key_actor', first.id, { overlap_seconds: 0 });
    expect(await keys.identify(first.secret)).toBeUndefined();
    await expect(keys.identify(second.secret)).rejects.toMatchObject({ code: 'api_key_expired' });
    expect(await keys.identify(third.secret)).toMatchObject({ id: first.id });
  });

  it('that does not exist is said to', async () => {
    const { records } = await setUp();
    expect(await records.find('key_none')).toBeUndefined();
    const changes = [
      records.update('key_actor', 'key_none', { name: 'x' }),
      records.rotate('key_actor', 'key_none', { overlap_seconds: 0 }),
      records.revoke('key_actor', 'key_none'),
    ];
    const refused = { code: 'key_not_found', status: 404 };
    await Promise.all(changes.map((change) => expect(change).rejects.toMatchObject(refused)));
  });

  it('is changed in the parts that are named', async () => {
    const { records } = await setUp();
    const { id } = await records.create('key_actor', {
      name: 'before',
      limits: { requests_per_minute: 5, concurrent_jobs: 6 },
      webhook_url: 'https://hooks.example/a',
    });
    const changed = await records.update('key_actor', id, {
      limits: { requests_per_minute: null },
      scopes: { tasks: [] },
    });
    expect(changed).toMatchObject({
      name: 'before',
      limits: { requests_per_minute: null, concurrent_jobs: 6 },
      scopes: { admin: false, tasks: [], models: null },
      webhook_url: 'https://hooks.example/a',
    });
    expect(await records.update('key_actor', id, {})).toEqual(changed);
  });

  it('leaves limits, scopes and expiry as they were and became, and no address', async () => {
    const { db, records } = await setUp();
    const { id } = await records.create('key_actor', { name: 'a', limits: { concurrent_jobs: 6 } });
    const url = 'https://hooks.example/secret-path';
    const limits = { concurrent_jobs: 2, requests_per_minute: 60 };
    await records.update('key_actor', id, { limits, scopes: { tasks: ['transcription'] }, webhook_url: url });
    const last = await db.selectFrom('audit_log').selectAll().orderBy('seq', 'desc').executeTakeFirst();
    expect(JSON.parse(last?.changes ?? '')).toEqual({
      'limits.concurrent_jobs': { before: 6, after: 2 },
      'limits.requests_per_minute': { before: null, after: 60 },
      'scopes.tasks': { before: null, after: ['transcription'] },
    });
    expect(await verifyAudit(db)).toMatchObject({ count: 2 });
  });

  it('leaves a row in the audit log for each change, and nothing of its name or secret', async () => {
    const { db, records } = await setUp();
    const { id, secret } = await records.create('key_actor', { name: 'the name of a customer' });
    await records.update('key_actor', id, { name: 'another name' });
    await records.rotate('key_actor', id, { overlap_seconds: 0 });
    await records.revoke('key_actor', id);
    await records.revoke('key_actor', id);
    const rows = await db.selectFrom('audit_log').selectAll().orderBy('seq').execute();
    expect(rows.map(({ action }) => action)).toEqual(['key.create', 'key.update', 'key.rotate', 'key.revoke']);
    for (const row of rows) expect(row).toMatchObject({ actor: 'key_actor', subject: id, result: 'success' });
    expect(JSON.stringify(rows)).not.toMatch(/customer|another/);
    expect(rows.map(({ changes }) => changes)).toEqual([null, null, null, null]);
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect(await verifyAudit(db)).toMatchObject({ count: 4 });
  });
});
