import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { sql } from 'kysely';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { changedFields } from '../../backend/src/contract/audit-changes.ts';
import {
  type AuditEvent,
  type AuditRow,
  appendAudit,
  exportAudit,
  verifyAudit,
} from '../../backend/src/store/audit.ts';
import { type Database, openDatabase } from '../../backend/src/store/database.ts';
import { PROJECT_ROOT } from '../support/shared.ts';
import { silentLog } from '../support/silent-log.ts';
import { tempDir } from '../support/temp-dir.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { testServers } from '../support/test-servers.ts';

const EVENT: AuditEvent = {
  actor: 'key-1',
  action: 'transcription',
  subject: 'request-1',
  size: 12_345,
  result: 'success',
};

async function open(databaseUrl: string | undefined, dataDir = '/nowhere'): Promise<Database> {
  const database = await openDatabase({ dataDir, databaseUrl, log: silentLog });
  onTestFinished(() => database.close());
  return database;
}

async function append({ db }: Database, ...events: AuditEvent[]): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    for (const event of events) await appendAudit(transaction, event);
  });
}

/** What only the owner of the database can do, and what the chain is there to show. */
async function tamper({ db }: Database, statement: string): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await sql`alter table audit_log disable trigger all`.execute(transaction);
    await sql.raw(statement).execute(transaction);
    await sql`alter table audit_log enable trigger all`.execute(transaction);
  });
}

describe.each(await testServers())('the audit log on $name', ({ url: server = '' }) => {
  beforeEach((context) => context.skip(server === ''));

  async function freshUrl(): Promise<string> {
    const database = await createTestDatabase({ server, template: 'template0' });
    onTestFinished(() => database.drop());
    return database.url;
  }

  it('is one chain without a gap, also when two gateways write at the same time', async () => {
    const url = await freshUrl();
    const [one, two] = await Promise.all([open(url), open(url)]);
    await Promise.all(Array.from({ length: 40 }, (_, i) => append(i % 2 === 0 ? one : two, EVENT)));
    expect(await verifyAudit(one.db)).toMatchObject({ count: 40, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('holds what happened with its transaction, and nothing of one that was rolled back', async () => {
    const database = await open(await freshUrl());
    await append(database, EVENT);
    const failing = database.db.transaction().execute(async (transaction) => {
      await appendAudit(transaction, { ...EVENT, actor: 'key-2' });
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    await append(database, { actor: 'key-3', action: 'deletion', result: 'failure', errorCode: 'internal_error' });
    const rows: AuditRow[] = [];
    for await (const row of exportAudit(database.db)) rows.push(row);
    expect(rows).toEqual([
      expect.objectContaining({ seq: 1, actor: 'key-1', subject: 'request-1', size: 12_345, result: 'success' }),
      expect.objectContaining({ seq: 2, actor: 'key-3', subject: null, size: null, error_code: 'internal_error' }),
    ]);
    expect(await verifyAudit(database.db)).toEqual({ count: 2, hash: rows[1]?.hash });
  });

  it('cannot be changed', async () => {
    const database = await open(await freshUrl());
    await append(database, EVENT);
    for (const statement of [
      "update audit_log set actor = 'nobody'",
      'delete from audit_log',
      'truncate audit_log',
      "insert into audit_log select * from audit_log on conflict (seq) do update set actor = 'nobody'",
    ]) {
      await expect(sql.raw(statement).execute(database.db), statement).rejects.toThrow('append-only');
    }
    expect(await verifyAudit(database.db)).toMatchObject({ count: 1 });
  });

  it.each([
    ["update audit_log set actor = 'nobody' where seq = 2", 2, 'its content was changed'],
    ["update audit_log set at = at + interval '1 ms' where seq = 2", 2, 'its content was changed'],
    ['update audit_log set size = null where seq = 3', 3, 'its content was changed'],
    ['delete from audit_log where seq = 2', 3, 'row 2 is missing'],
    ['delete from audit_log where seq = 1', 2, 'row 1 is missing'],
    [`update audit_log set previous_hash = '${'0'.repeat(64)}' where seq = 2`, 2, 'it does not name the row before'],
  ])('changed nevertheless, by “%s”, is broken at row %i', async (statement, brokenAt, reason) => {
    const database = await open(await freshUrl());
    await append(database, EVENT, EVENT, EVENT);
    await tamper(database, statement);
    expect(await verifyAudit(database.db)).toMatchObject({
      count: brokenAt - (reason.endsWith('missing') ? 2 : 1),
      brokenAt,
      reason,
    });
  });

  it('holds rows of before changes were kept, and what was changed in those after', async () => {
    const database = await open(await freshUrl());
    // As the first version of the gateway wrote it.
    const content = [
      1,
      '2025-03-01T10:00:00.000Z',
      'key-1',
      'key.create',
      'key-2',
      null,
      'success',
      null,
      '0'.repeat(64),
    ];
    const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex');
    const [seq, at, actor, action, subject, , result, , previous] = content;
    await sql`
      insert into audit_log (seq, at, actor, action, subject, result, previous_hash, hash)
      values (${seq}, ${at}, ${actor}, ${action}, ${subject}, ${result}, ${previous}, ${hash})`.execute(database.db);
    const changes = changedFields({ limits: { a: 1, b: [2] } }, { limits: { a: null, b: [2], c: {} } });
    expect(changes).toEqual({ 'limits.a': { before: 1, after: null }, 'limits.c': { before: null, after: {} } });
    await append(database, { ...EVENT, changes });
    expect(await verifyAudit(database.db)).toMatchObject({ count: 2 });
    for (const statement of [
      'update audit_log set changes = null where seq = 2',
      `update audit_log set changes = '{"limits.a":{"before":1,"after":9}}' where seq = 2`,
      `update audit_log set changes = '{}' where seq = 1`,
    ]) {
      await tamper(database, statement);
      expect(await verifyAudit(database.db), statement).toMatchObject({ reason: 'its content was changed' });
    }
  });

  it('is read in batches to its end', async () => {
    const database = await open(await freshUrl());
    await append(database, ...Array<AuditEvent>(1_001).fill(EVENT));
    expect(await verifyAudit(database.db)).toMatchObject({ count: 1_001 });
    await tamper(database, "update audit_log set action = 'else' where seq = 1001");
    expect(await verifyAudit(database.db)).toMatchObject({ count: 1_000, brokenAt: 1_001 });
  });
});

describe('npm run audit:verify', () => {
  async function run(env: Record<string, string>): Promise<{ code: number; output: string; problems: string }> {
    const child = spawn(process.execPath, [join(PROJECT_ROOT, 'backend/src/commands/audit-verify.ts')], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close');
    const [output, problems] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: (await ended)[0], output, problems };
  }

  it('says in one line how the log of DATABASE_URL is', async () => {
    const { url, drop } = await createTestDatabase();
    onTestFinished(drop);
    const database = await open(url);
    await append(database, EVENT, EVENT);
    const { hash } = await verifyAudit(database.db);
    expect(await run({ DATABASE_URL: url })).toEqual({
      code: 0,
      output: `The audit log is whole: 2 rows, the last has hash ${hash}\n`,
      problems: '',
    });
    await tamper(database, 'update audit_log set size = 1 where seq = 2');
    expect(await run({ DATABASE_URL: url })).toEqual({
      code: 1,
      output: 'The audit log is broken at row 2: its content was changed. The 1 rows before it are whole.\n',
      problems: '',
    });
  });

  it('reads the embedded database while the gateway runs, and when it does not', async () => {
    const dir = await tempDir();
    const database = await open(undefined, dir);
    await append(database, EVENT);
    const whole = { code: 0, output: expect.stringContaining('whole: 1 rows'), problems: '' };
    expect(await run({ DATA_DIR: dir })).toEqual(whole);
    await append(database, EVENT);
    await database.close();
    expect(await run({ DATA_DIR: dir })).toEqual({ ...whole, output: expect.stringContaining('whole: 2 rows') });
  });

  it('fails with the reason when there is no database to read', async () => {
    const { code, output, problems } = await run({ DATABASE_URL: 'postgresql://user:hidden-word@127.0.0.1:9/name' });
    expect({ code, output }).toEqual({ code: 1, output: '' });
    expect(problems).toContain('database');
    expect(problems).not.toContain('hidden-word');
  });
});
