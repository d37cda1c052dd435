/** Requests per minute: a bucket in the database that every gateway draws from. */
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectDatabase } from '../../backend/src/store/database.ts';
import { takeRequest } from '../../backend/src/store/request-rates.ts';
import { openTestDatabase } from '../support/open-test-database.ts';
import { silentLog } from '../support/silent-log.ts';

describe('requests per minute', () => {
  it('50 at once, from two gateways, get a minute’s worth, and a new gateway knows of it', async () => {
    const { db, url } = await openTestDatabase();
    const connect = () => {
      const other = connectDatabase({ connection: { connectionString: url }, log: silentLog });
      onTestFinished(other.close);
      return other.db;
    };
    const gateways = [db, connect()];
    const taken = await Promise.all(
      Array.from({ length: 50 }, (_, index) => takeRequest(gateways[index % 2] ?? db, 'key_a', 6)),
    );
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(6);
    expect((await takeRequest(connect(), 'key_a', 6)).allowed).toBe(false);
    expect((await takeRequest(db, 'key_b', 6)).allowed).toBe(true);
  });

  it('says what is left and how long to wait; a refusal costs nothing; the bucket fills evenly', async () => {
    const { db } = await openTestDatabase();
    const pass = (seconds: number) =>
      sql`update request_rates set updated_at = updated_at - make_interval(secs => ${seconds})`.execute(db);
    expect(await takeRequest(db, 'key_a', 2)).toMatchObject({ allowed: true, limit: 2, remaining: 1, waitSeconds: 0 });
    expect(await takeRequest(db, 'key_a', 2)).toMatchObject({ allowed: true, remaining: 0 });
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const refused = await takeRequest(db, 'key_a', 2);
      expect(refused).toMatchObject({ allowed: false, remaining: 0 });
      expect(refused.waitSeconds).toBeGreaterThan(25);
      expect(refused.waitSeconds).toBeLessThanOrEqual(30);
      expect(refused.resetSeconds).toBeGreaterThan(55);
      expect(refused.resetSeconds).toBeLessThanOrEqual(60);
    }
    await pass(30);
    expect(await takeRequest(db, 'key_a', 2)).toMatchObject({ allowed: true, remaining: 0 });
    await pass(3600);
    expect(await takeRequest(db, 'key_a', 2)).toMatchObject({ allowed: true, remaining: 1 });
  });

  it('a lower limit holds at once', async () => {
    const { db } = await openTestDatabase();
    await takeRequest(db, 'key_a', 1000);
    expect(await takeRequest(db, 'key_a', 1)).toMatchObject({ allowed: true, remaining: 0 });
    expect(await takeRequest(db, 'key_a', 1)).toMatchObject({ allowed: false });
  });
});
