/** Enrolled voices in the database: whose they are, how long they last, and what the audit log says of them. */
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { exportAudit } from '../../backend/src/store/audit.ts';
import { SpeakerStore } from '../../backend/src/store/speakers.ts';
import { openTestDatabase } from '../support/open-test-database.ts';

const VOICEPRINT = [0.1, -1 / 3, 1e-12, 0];

async function openStore() {
  const { db } = await openTestDatabase();
  const store = new SpeakerStore(db);
  const add = (name: string, more: { owner?: string; model?: string; expiresAfterDays?: number } = {}) =>
    store.add({ owner: 'key_1', name, model: 'm', voiceprint: VOICEPRINT, clips: 2, seconds: 12.5, ...more });
  /** As if so many days had gone by. */
  const wait = (days: number) =>
    sql`update speakers set expires_at = expires_at - make_interval(days => ${days})`.execute(db);
  const audit = async () => {
    const rows = [];
    for await (const { actor, action, subject, result } of exportAudit(db))
      rows.push({ actor, action, subject, result });
    return rows;
  };
  const names = async (owner: string) => (await store.list({ owner, limit: 10 })).speakers.map(({ name }) => name);
  return { db, store, add, wait, audit, names };
}

describe('a speaker', () => {
  it('is kept as it was added, its voiceprint to the last bit', async () => {
    const { store, add } = await openStore();
    const row = await add('Ann', { expiresAfterDays: 2 });
    const { created_at: created } = row ?? { created_at: new Date(0) };
    expect(row).toEqual({
      id: expect.stringMatching(/^spk_[0-9a-f]{32}$/),
      owner: 'key_1',
      name: 'Ann',
      model: 'm',
      clips: 2,
      seconds: 12.5,
      created_at: expect.any(Date),
      expires_at: new Date(created.getTime() + 2 * 86_400_000),
    });
    expect(await store.find('key_1', row?.id ?? '')).toEqual(row);
    expect(await store.named('key_1', ['Ann', 'Bob'])).toEqual([{ name: 'Ann', model: 'm', voiceprint: VOICEPRINT }]);
    expect(await store.named('key_1', [])).toEqual([]);
    expect((await add('Bob'))?.expires_at).toBeNull();
  });

  it('is there for its owner alone', async () => {
    const { store, add, names } = await openStore();
    const mine = await add('Ann');
    const theirs = await add('Ann', { owner: 'key_2' });
    expect(theirs).toBeDefined();
    const id = mine?.id ?? '';
    expect(await store.find('key_2', id)).toBeUndefined();
    expect(await store.delete('key_2', id)).toBe(false);
    expect(await store.named('key_3', ['Ann'])).toEqual([]);
    expect(await store.delete('key_1', id)).toBe(true);
    expect(await store.delete('key_1', id)).toBe(false);
    expect([await names('key_1'), await names('key_2')]).toEqual([[], ['Ann']]);
    // Somebody else's id is no place in a page.
    expect(await store.list({ owner: 'key_1', after: theirs?.id, limit: 10 })).toEqual({
      speakers: [],
      hasMore: false,
    });
  });

  it('has a name of its own, however many ask at once, until it has expired', async () => {
    const { add, wait, names } = await openStore();
    const added = await Promise.all(Array.from({ length: 8 }, () => add('Ann', { expiresAfterDays: 1 })));
    expect(added.filter((row) => row !== undefined)).toHaveLength(1);
    expect(await add('ann')).toBeDefined();
    expect(await add('Ann', { model: 'another' })).toBeUndefined();
    await wait(1);
    expect(await add('Ann')).toBeDefined();
    expect(await names('key_1')).toEqual(['Ann', 'ann']);
  });

  it('that has expired is found by nobody, and goes with the sweep', async () => {
    const { db, store, add, wait, audit, names } = await openStore();
    const old = await add('Old', { expiresAfterDays: 1 });
    const id = old?.id ?? '';
    await add('Young', { expiresAfterDays: 2 });
    await add('Kept');
    await wait(1);
    expect(await names('key_1')).toEqual(['Kept', 'Young']);
    expect(await store.find('key_1', id)).toBeUndefined();
    expect(await store.named('key_1', ['Old', 'Young'])).toMatchObject([{ name: 'Young' }]);
    expect(await store.delete('key_1', id)).toBe(false);
    expect(await db.selectFrom('speakers').select('id').execute()).toHaveLength(3);
    await store.deleteExpired();
    expect(await db.selectFrom('speakers').select('name').orderBy('name').execute()).toEqual([
      { name: 'Kept' },
      { name: 'Young' },
    ]);
    expect((await audit()).at(-1)).toEqual({
      actor: 'retention',
      action: 'speaker.expired',
      subject: id,
      result: 'success',
    });
  });

  it('of many that expire together is none left', async () => {
    const { db, store, add, wait } = await openStore();
    for (let index = 0; index < 101; index += 1) await add(`${index}`, { expiresAfterDays: 1 });
    await wait(1);
    await Promise.all([store.deleteExpired(), store.deleteExpired()]);
    expect(await db.selectFrom('speakers').select('id').execute()).toEqual([]);
  });

  it('leaves in the audit log who enrolled and deleted it, and neither its name nor its voice', async () => {
    const { store, add, audit } = await openStore();
    const row = await add('Ann Example');
    await add('Ann Example');
    await store.delete('key_1', row?.id ?? '');
    const rows = await audit();
    expect(rows).toEqual([
      { actor: 'key_1', action: 'speaker.enrol', subject: row?.id, result: 'success' },
      { actor: 'key_1', action: 'speaker.delete', subject: row?.id, result: 'success' },
    ]);
  });
});

it('speakers come in pages, newest first', async () => {
  const { store, add } = await openStore();
  for (const name of ['1', '2', '3', '4', '5']) await add(name);
  const page = async (after?: string) => {
    const { speakers, hasMore } = await store.list({ owner: 'key_1', after, limit: 2 });
    return { names: speakers.map(({ name }) => name), last: speakers.at(-1)?.id, hasMore };
  };
  const first = await page();
  expect(first).toMatchObject({ names: ['5', '4'], hasMore: true });
  const second = await page(first.last);
  expect(second).toMatchObject({ names: ['3', '2'], hasMore: true });
  expect(await page(second.last)).toMatchObject({ names: ['1'], hasMore: false });
});
