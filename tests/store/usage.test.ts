/** Audio seconds and places: nothing that runs at the same time can take more than there is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { KeyLimits } from '../../backend/src/contract/keys.ts';
import { connectDatabase } from '../../backend/src/store/database.ts';
import { KeyRecords } from '../../backend/src/store/key-records.ts';
import type { Schema } from '../../backend/src/store/schema.ts';
import { handOver, hold, RequestClaims, readUsage, release, settle } from '../../backend/src/store/usage.ts';
import { openTestDatabase } from '../support/open-test-database.ts';
import { silentLog } from '../support/silent-log.ts';

async function setUp(limits: Partial<KeyLimits>) {
  const { db, url } = await openTestDatabase();
  const { id: owner } = await new KeyRecords(db).create('key_test', { name: 'limited', limits });
  return { db, url, owner };
}

/** Another gateway on the same database. */
function connect(url: string): Kysely<Schema> {
  const { db, close } = connectDatabase({ connection: { connectionString: url }, log: silentLog });
  onTestFinished(close);
  return db;
}

const codeOf = (error: { code: string }) => error.code;
/** How each attempt ended. */
async function outcomes(attempts: Promise<unknown>[]): Promise<Record<string, number>> {
  const ends = await Promise.all(attempts.map((attempt) => attempt.then(() => 'taken', codeOf)));
  return Object.fromEntries([...Map.groupBy(ends, (end) => end)].map(([end, all]) => [end, all.length]));
}

describe('audio seconds', () => {
  it('50 claims at once, from two gateways, get no more than the limit', async () => {
    const { db, url, owner } = await setUp({ audio_seconds_per_day: 100 });
    const gateways = [db, connect(url)];
    const attempts = Array.from({ length: 50 }, (_, index) =>
      hold(gateways[index % 2] ?? db, { owner, reference: `job-${index}`, seconds: 7 }),
    );
    expect(await outcomes(attempts)).toEqual({ taken: 14, insufficient_quota: 36 });
    expect((await readUsage(db, owner)).today).toMatchObject({ reserved_seconds: 98, audio_seconds: 0 });
  });

  it('50 works that claim step by step, charge less than they hold, and fail now and then, stay under it too', async () => {
    const { db, owner } = await setUp({ audio_seconds_per_month: 300 });
    let most = 0;
    const work = async (index: number) => {
      const reference = `job-${index}`;
      try {
        await hold(db, { owner, reference, seconds: 0 });
        for (const seconds of [10, 20, 30]) {
          await hold(db, { owner, reference, seconds });
          const { this_month: month } = await readUsage(db, owner);
          most = Math.max(most, month.audio_seconds + month.reserved_seconds);
        }
        if (index % 5 === 0) await release(db, reference);
        else await settle(db, { owner, reference, seconds: 25 });
      } catch (error) {
        await release(db, reference);
        throw error;
      }
    };
    await outcomes(Array.from({ length: 50 }, (_, index) => work(index)));
    expect(most).toBeGreaterThan(200);
    expect(most).toBeLessThanOrEqual(300);
    const { this_month: month, running } = await readUsage(db, owner);
    expect(month.audio_seconds).toBe(month.requests * 25);
    expect({ running, reserved: month.reserved_seconds }).toEqual({ running: 0, reserved: 0 });
    expect(month.audio_seconds).toBeLessThanOrEqual(300);
  });

  it('are charged as they came out, and given back when nothing came out', async () => {
    const { db, owner } = await setUp({ audio_seconds_per_day: 100 });
    await hold(db, { owner, reference: 'a', seconds: 60 });
    await expect(hold(db, { owner, reference: 'b', seconds: 41 })).rejects.toMatchObject({
      code: 'insufficient_quota',
      status: 429,
      headers: { 'x-ratelimit-limit-audio-seconds': '100', 'x-ratelimit-remaining-audio-seconds': '40' },
    });
    await settle(db, { owner, reference: 'a', seconds: 59 });
    await hold(db, { owner, reference: 'b', seconds: 41 });
    await release(db, 'b');
    await hold(db, { owner, reference: 'c', seconds: 41 });
    expect((await readUsage(db, owner)).today).toMatchObject({
      audio_seconds: 59,
      reserved_seconds: 41,
      limit_seconds: 100,
      requests: 1,
    });
  });

  it('a refused claim takes nothing, and rolls its transaction back', async () => {
    const { db, owner } = await setUp({ audio_seconds_per_day: 10 });
    const attempt = db.transaction().execute(async (transaction) => {
      await transaction.insertInto('request_rates').values(RATE_OF('somebody')).execute();
      await hold(transaction, { owner, reference: 'a', seconds: 11 });
    });
    await expect(attempt).rejects.toMatchObject({ code: 'insufficient_quota' });
    expect(await db.selectFrom('request_rates').selectAll().execute()).toEqual([]);
    expect((await readUsage(db, owner)).today.reserved_seconds).toBe(0);
  });

  it('a claim is undone with the transaction it was made in', async () => {
    const { db, owner } = await setUp({ audio_seconds_per_day: 10 });
    const attempt = db.transaction().execute(async (transaction) => {
      await hold(transaction, { owner, reference: 'a', seconds: 10 });
      throw new Error('the job could not be made');
    });
    await expect(attempt).rejects.toThrow(/could not be made/);
    await hold(db, { owner, reference: 'b', seconds: 10 });
  });

  it('both limits hold, each for its own span of UTC', async () => {
    const { db, owner } = await setUp({ audio_seconds_per_day: 10, audio_seconds_per_month: 25 });
    const shift = (span: string) => sql`update usage_totals set day = ${sql.raw(span)}`.execute(db);
    const today = "(now() at time zone 'utc')::date";
    await hold(db, { owner, reference: 'a', seconds: 10 });
    await settle(db, { owner, reference: 'a', seconds: 10 });
    await expect(hold(db, { owner, reference: 'b', seconds: 1 })).rejects.toThrow(/a day/);
    // What was used in another month does not count; in this month, on another day, for the month alone.
    await shift(`${today} - interval '40 days'`);
    await hold(db, { owner, reference: 'b', seconds: 10 });
    await release(db, 'b');
    await sql`insert into usage_totals values (${owner},
      (case when extract(day from now() at time zone 'utc') = 1 then ${sql.raw(today)} + 1 else date_trunc('month', ${sql.raw(today)}) end)::date,
      20, 1)`.execute(db);
    await expect(hold(db, { owner, reference: 'c', seconds: 6 })).rejects.toThrow(/a month.*; 5 are left/);
    await hold(db, { owner, reference: 'c', seconds: 5 });
    const wait = await hold(db, { owner, reference: 'd', seconds: 1 }).catch((error) => error.retryAfterSeconds);
    const now = new Date();
    const nextMonth = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1);
    expect(Math.abs(wait - (nextMonth - now.getTime()) / 1000)).toBeLessThan(60);
  });

  it('work that runs over midnight is charged to the day it began on', async () => {
    const { db, owner } = await setUp({ audio_seconds_per_day: 10 });
    await hold(db, { owner, reference: 'a', seconds: 4 });
    await sql`update usage_reservations set day = day - 1`.execute(db);
    await hold(db, { owner, reference: 'b', seconds: 10 });
    await hold(db, { owner, reference: 'a', seconds: 10 });
    await expect(hold(db, { owner, reference: 'a', seconds: 11 })).rejects.toMatchObject({
      code: 'insufficient_quota',
    });
    await settle(db, { owner, reference: 'a', seconds: 10 });
    const { rows } = await sql<{ ago: number }>`
      select (now() at time zone 'utc')::date - day as ago from usage_totals`.execute(db);
    expect(rows).toEqual([{ ago: 1 }]);
  });

  it('a claim that is repeated, or smaller than the one before, changes nothing, even when nothing is left', async () => {
    const { db, owner } = await setUp({ audio_seconds_per_day: 10 });
    for (const seconds of [4, 10, 10, 3, 0]) await hold(db, { owner, reference: 'a', seconds });
    expect((await readUsage(db, owner)).today.reserved_seconds).toBe(10);
    await expect(hold(db, { owner, reference: 'b', seconds: 1 })).rejects.toMatchObject({ code: 'insufficient_quota' });
    // Work that may cost nothing, since another's result may serve it.
    await hold(db, { owner, reference: 'c', seconds: 0 });
  });

  it('a changed limit holds for the next claim', async () => {
    const { db, owner } = await setUp({ audio_seconds_per_day: 10 });
    await hold(db, { owner, reference: 'a', seconds: 10 });
    const records = new KeyRecords(db);
    await records.update('key_test', owner, { limits: { audio_seconds_per_day: 20 } });
    await hold(db, { owner, reference: 'b', seconds: 10 });
    await records.update('key_test', owner, { limits: { audio_seconds_per_day: 0, concurrent_jobs: 1 } });
    // What is held already may be done.
    await hold(db, { owner, reference: 'b', seconds: 10 });
    await expect(hold(db, { owner, reference: 'b', seconds: 11 })).rejects.toMatchObject({
      code: 'insufficient_quota',
    });
    await records.update('key_test', owner, { limits: { concurrent_jobs: null } });
    await expect(hold(db, { owner, reference: 'c', seconds: 1 })).rejects.toThrow(/0 are left/);
  });

  it('of callers without a record are counted, and never refused', async () => {
    const { db } = await openTestDatabase();
    await hold(db, { owner: 'anonymous', reference: 'a', seconds: 1_000_000 });
    await settle(db, { owner: 'anonymous', reference: 'a', seconds: 1_000_000 });
    await settle(db, { owner: 'anonymous', reference: 'never reserved', seconds: 5 });
    expect((await readUsage(db, 'anonymous')).this_month).toMatchObject({ audio_seconds: 1_000_005, requests: 2 });
  });
});

describe('places', () => {
  it('50 works at once, from two gateways, get as many as there are', async () => {
    const { db, url, owner } = await setUp({ concurrent_jobs: 3 });
    const gateways = [db, connect(url)];
    const attempts = Array.from({ length: 50 }, (_, index) =>
      hold(gateways[index % 2] ?? db, { owner, reference: `job-${index}`, seconds: 1 }),
    );
    expect(await outcomes(attempts)).toEqual({ taken: 3, concurrency_limit_exceeded: 47 });
  });

  it('are free again when work ends, either way, and more seconds take no second place', async () => {
    const { db, owner } = await setUp({ concurrent_jobs: 1 });
    await hold(db, { owner, reference: 'a', seconds: 1 });
    await hold(db, { owner, reference: 'a', seconds: 1 });
    await expect(hold(db, { owner, reference: 'b', seconds: 1 })).rejects.toMatchObject({
      code: 'concurrency_limit_exceeded',
      status: 429,
      retryAfterSeconds: 1,
    });
    await settle(db, { owner, reference: 'a', seconds: 1 });
    await hold(db, { owner, reference: 'b', seconds: 1 });
    await release(db, 'b');
    await hold(db, { owner, reference: 'c', seconds: 1 });
  });

  it("and seconds of a dead gateway's requests come back; those of jobs, and of one that lives, do not", async () => {
    const { db, owner } = await setUp({ concurrent_jobs: 3, audio_seconds_per_day: 30 });
    const claims = new RequestClaims(db);
    await claims.hold({ owner, reference: 'dead', seconds: 10 });
    // Whoever renews it is gone.
    claims.close();
    await hold(db, { owner, reference: 'job', seconds: 20 });
    await expect(hold(db, { owner, reference: 'next', seconds: 1 })).rejects.toMatchObject({
      code: 'insufficient_quota',
    });
    await sql`update usage_reservations set expires_at = now() where expires_at is not null`.execute(db);
    await hold(db, { owner, reference: 'next', seconds: 10 });
    expect(await readUsage(db, owner)).toMatchObject({ running: 2, today: { reserved_seconds: 30 } });
  });

  it('and seconds stay taken when a request becomes a job, and no longer depend on its gateway', async () => {
    const { db, owner } = await setUp({ concurrent_jobs: 1, audio_seconds_per_day: 10 });
    const claims = new RequestClaims(db);
    onTestFinished(() => claims.close());
    await claims.hold({ owner, reference: 'request', seconds: 10 });
    expect(await db.transaction().execute((transaction) => handOver(transaction, 'request', 'job'))).toBe(true);
    expect(await handOver(db, 'request', 'job')).toBe(false);
    await claims.release('request');
    await sql`update usage_reservations set expires_at = now() where expires_at is not null`.execute(db);
    expect(await readUsage(db, owner)).toMatchObject({ running: 1, today: { reserved_seconds: 10 } });
    await settle(db, { owner, reference: 'job', seconds: 10 });
    expect(await readUsage(db, owner)).toMatchObject({ running: 0, today: { reserved_seconds: 0, audio_seconds: 10 } });
  });

  it('of requests that run on are held: their claims are renewed', async () => {
    const { db, owner } = await setUp({ concurrent_jobs: 1 });
    const claims = new RequestClaims(db, { leaseSeconds: 1 });
    onTestFinished(() => claims.close());
    await claims.hold({ owner, reference: 'long', seconds: 1 });
    const until = Date.now() + 2_200;
    while (Date.now() < until) {
      await expect(hold(db, { owner, reference: 'other', seconds: 1 })).rejects.toMatchObject({
        code: 'concurrency_limit_exceeded',
      });
      await sleep(50);
    }
    claims.close();
    await expect.poll(() => readUsage(db, owner).then(({ running }) => running)).toBe(0);
  });
});

const RATE_OF = (owner: string) => ({ owner, tokens: 1, taken: true, updated_at: new Date() });
