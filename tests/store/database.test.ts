/** The store on each kind of server there is here: the embedded one, and an external PostgreSQL. */
import { type Kysely, sql } from 'kysely';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Logger } from '../../backend/src/logger.ts';
import { type Database, type DatabaseOptions, openDatabase } from '../../backend/src/store/database.ts';
import { migrate } from '../../backend/src/store/migrate.ts';
import { MIGRATIONS } from '../../backend/src/store/migrations/index.ts';
import { silentLog } from '../support/silent-log.ts';
import { tempDir } from '../support/temp-dir.ts';
import { createTestDatabase, databaseUrl } from '../support/test-database.ts';
import { testServers } from '../support/test-servers.ts';

async function open(options: Partial<DatabaseOptions>): Promise<Database> {
  const database = await openDatabase({ dataDir: '/nowhere', databaseUrl: undefined, log: silentLog, ...options });
  onTestFinished(() => database.close());
  return database;
}

const tablesOf = async (db: Kysely<never>) => (await db.introspection.getTables()).map(({ name }) => name);

describe.each(await testServers())('a database on $name', ({ url: server = '' }) => {
  beforeEach((context) => context.skip(server === ''));
  async function emptyDatabase(): Promise<string> {
    const database = await createTestDatabase({ server, template: 'template0' });
    onTestFinished(() => database.drop());
    return database.url;
  }

  it('is migrated when it is opened, once, also by two gateways at the same time', async () => {
    const url = await emptyDatabase();
    const applied: unknown[] = [];
    const info: Logger['info'] = (message, fields) => {
      if (message === 'database migrated') applied.push(fields?.applied);
    };
    const log = { ...silentLog, info };
    const [one] = await Promise.all([open({ databaseUrl: url, log }), open({ databaseUrl: url, log })]);
    await open({ databaseUrl: url, log });
    expect(applied).toEqual([Object.keys(MIGRATIONS)]);
    expect(await tablesOf(one.db as unknown as Kysely<never>)).toContain('audit_log');
  });

  it('of a newer gateway is refused and left as it is', async () => {
    const url = await emptyDatabase();
    const { db } = await open({ databaseUrl: url });
    await migrate(db, { ...MIGRATIONS, '9999-from-the-future': { up: async () => {} } });
    await expect(open({ databaseUrl: url })).rejects.toThrow(/newer version .*9999-from-the-future/);
  });

  it('keeps nothing of migrations of which one failed', async () => {
    const { db } = await open({ databaseUrl: await emptyDatabase() });
    const before = await tablesOf(db as unknown as Kysely<never>);
    const steps = {
      ...MIGRATIONS,
      '9998-good': { up: (step: Kysely<unknown>) => step.schema.createTable('half').execute() },
      '9999-bad': { up: async (step: Kysely<unknown>) => void (await sql`select nonsense`.execute(step)) },
    };
    await expect(migrate(db, steps)).rejects.toThrow(/9999-bad.*nonsense/);
    expect(await tablesOf(db as unknown as Kysely<never>)).toEqual(before);
  });

  it('says which it is, and not its password', async () => {
    const url = await emptyDatabase();
    const { description } = await open({ databaseUrl: url });
    const { host, pathname, password } = new URL(url);
    expect(description).toMatch(/^PostgreSQL \d+\.\d+/);
    expect(description).toContain(`${host}${pathname}`);
    expect(description).not.toContain(password);
  });

  it('survives that all its connections are cut: what was running fails as unavailable, what follows works', async () => {
    const url = await emptyDatabase();
    const { db } = await open({ databaseUrl: url });
    const other = await open({ databaseUrl: url });
    const running = sql`select pg_sleep(30)`.execute(db);
    const failed = expect(running).rejects.toMatchObject({
      code: 'database_unavailable',
      status: 503,
      retryAfterSeconds: 1,
    });
    const cut = sql<{ count: number }>`select count(pg_terminate_backend(pid)) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and query like '%pg_sleep%'`;
    await expect.poll(async () => (await cut.execute(other.db)).rows[0]?.count).toBeGreaterThan(0);
    await failed;
    expect((await sql<{ one: number }>`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
  });

  it('gives eight-byte integers as numbers', async () => {
    const { db } = await open({ databaseUrl: await emptyDatabase() });
    const { rows } = await sql`select 9007199254740991::bigint as big`.execute(db);
    expect(rows).toEqual([{ big: Number.MAX_SAFE_INTEGER }]);
  });

  it('that does not exist is named in the error, without the password', async () => {
    const url = databaseUrl(server, 'no_such_database');
    const { password } = new URL(url);
    const error = await open({ databaseUrl: url }).catch((reason: Error) => reason);
    expect(error).toMatchObject({
      message: expect.stringMatching(/no_such_database.* cannot be used: .*does not exist/),
    });
    expect(String(error)).not.toContain(password);
  });
});

describe('an embedded database', () => {
  it('makes queries wait while its server starts again', async () => {
    const { db, embedded, ping } = await open({ dataDir: await tempDir() });
    await sql`create table kept as select 7 as value`.execute(db);
    const { pid = 0 } = embedded ?? {};
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => embedded?.pid).not.toBe(pid);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => sql<{ value: number }>`select value from kept`.execute(db)),
    );
    expect(answers.map(({ rows }) => rows[0]?.value)).toEqual(Array(20).fill(7));
    await ping();
  });
});

describe('a database that is not there', () => {
  it('is an error that says so', async () => {
    const url = 'postgresql://user:hidden-word@127.0.0.1:9/name';
    const error = await open({ databaseUrl: url, startWaitMs: 100 }).catch((reason: Error) => reason);
    expect(error).toMatchObject({ message: expect.stringMatching(/user@127\.0\.0\.1:9\/name.* ECONNREFUSED/) });
    expect(String(error)).not.toContain('hidden-word');
  });
});
