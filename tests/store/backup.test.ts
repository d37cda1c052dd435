import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { sql } from 'kysely';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { makeBackup } from '../../backend/src/commands/make-backup.ts';
import { type RestoreOptions, restoreBackup } from '../../backend/src/commands/restore-backup.ts';
import { Erasure } from '../../backend/src/jobs/erasure.ts';
import { publicJobId } from '../../backend/src/jobs/job-id.ts';
import { appendAudit, verifyAudit } from '../../backend/src/store/audit.ts';
import { connectDatabase, type Database, openDatabase } from '../../backend/src/store/database.ts';
import { ErasureStore } from '../../backend/src/store/erasure.ts';
import { journalPath } from '../../backend/src/store/erasure-journal.ts';
import { migrate } from '../../backend/src/store/migrate.ts';
import { MIGRATIONS } from '../../backend/src/store/migrations/index.ts';
import { SpeakerStore } from '../../backend/src/store/speakers.ts';
import { MIGRATION_TABLES, TABLES } from '../../backend/src/store/tables.ts';
import { hold } from '../../backend/src/store/usage.ts';
import { allRows, createJobFixture, type JobFixture } from '../support/job-fixture.ts';
import { PROJECT_ROOT } from '../support/shared.ts';
import { silentLog } from '../support/silent-log.ts';
import { tempDir } from '../support/temp-dir.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { testServers } from '../support/test-servers.ts';
import { waitUntil } from '../support/wait-until.ts';

async function audit({ db }: Database, action: string): Promise<void> {
  await db
    .transaction()
    .execute((transaction) => appendAudit(transaction, { actor: 'key_1', action, result: 'success' }));
}

async function backUp({ database, dataDir }: Pick<JobFixture, 'database' | 'dataDir'>) {
  const dir = join(await tempDir(), 'backup');
  const record = await makeBackup({ db: database.db, dataDir, dir, version: '1.2.3' });
  return { dir, record };
}

function restore(to: Pick<JobFixture, 'database' | 'dataDir'>, dir: string, more: Partial<RestoreOptions> = {}) {
  return restoreBackup({ database: to.database, dataDir: to.dataDir, dir, force: false, log: silentLog, ...more });
}

/** Without what a backup and a restore note themselves. */
async function rowsOf({ database }: Pick<JobFixture, 'database'>): Promise<Record<string, string[]>> {
  const rows = await allRows(database, TABLES);
  rows.audit_log = rows.audit_log?.filter((row) => !row.includes(',backup.')) ?? [];
  return rows;
}

async function queueOf({ database }: Pick<JobFixture, 'database'>): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from pgboss.job order by id`.execute(database.db);
  return rows.map(({ id }) => id);
}

describe.each(await testServers())('a restore drill on $name', ({ url: server = '' }) => {
  beforeEach((context) => context.skip(server === ''));

  it('gives back every row, file and key as of one moment, though jobs came and went meanwhile', async () => {
    const fixture = await createJobFixture(server);
    const { jobs } = await fixture.service();
    await fixture.addJob({ audio: 'with “quotes”, \\ and\nlines', user: 'ann' });
    const running = await fixture.addJob({ audio: 'running', status: 'running' });
    const queued = await fixture.addJob({ audio: 'queued', status: 'queued' });
    await fixture.addJob({ audio: 'queued', status: 'queued', leader: queued.id });
    await fixture.addJob({ status: 'failed' });
    const voice = { model: 'm', voiceprint: [0.1, -1 / 3, 1e-300], clips: 1, seconds: 2 };
    await new SpeakerStore(fixture.database.db).add({ owner: 'key_1', name: 'Ann, “{1}”', ...voice });
    await audit(fixture.database, 'before');
    await writeFile(join(fixture.dataDir, 'keys.json'), '{"keys":[]}', { mode: 0o600 });
    await writeFile(join(fixture.dataDir, 'keys.json.tmp'), 'half');
    const before = await rowsOf(fixture);

    // Each round: two jobs that belong together, an audit row; and the jobs of an earlier round go.
    let rounds = 0;
    const stopping = new AbortController();
    const writing = (async () => {
      const made = [];
      while (!stopping.signal.aborted || rounds < 3) {
        const audio = `pair ${rounds++}`;
        made.push(await fixture.addJob({ owner: 'writer', audio }));
        await audit(fixture.database, audio);
        const gone = made.length > 2 ? made.shift() : undefined;
        if (gone !== undefined) await jobs.remove(gone);
      }
    })();
    await waitUntil('three rounds are over', () => rounds > 2);
    const { dir, record } = await backUp(fixture);
    const roundsThen = rounds;
    stopping.abort();
    await writing;
    expect(rounds).toBeGreaterThanOrEqual(roundsThen);
    expect(record).toMatchObject({ format: 1, damaged: [], software: { version: '1.2.3' } });
    await rm(fixture.dataDir, { recursive: true });

    const target = await createJobFixture(server);
    const report = await restore(target, dir);
    const after = await rowsOf(target);
    // What was there before it began is there as it was, but for jobs in work, which wait again.
    for (const table of TABLES) {
      for (const row of before[table] ?? []) {
        if (!row.includes(running.id)) expect(after[table], table).toContain(row);
      }
    }
    expect((await target.store.find(running.id))?.status).toBe('queued');
    expect(await target.store.windows(running.id)).toEqual([{ text: 'so far' }]);
    // Rows agree with each other: a job that was being written is there with all it has, or not at all.
    const { db } = target.database;
    const writers = await db.selectFrom('jobs').select('id').where('owner', '=', 'writer').execute();
    for (const { id } of writers) {
      const names = (await target.store.artifacts([id])).map(({ name }) => name);
      expect(names.length === 2 || record.vanished.some((key) => key.includes(id)), id).toBe(true);
    }
    // Every file that is named is there, with its hash, and no other.
    const named = new Set<string>();
    const rows = await db.selectFrom('artifacts').select(['key', 'sha256']).execute();
    const inputs = await db.selectFrom('jobs').select(['input_key as key', 'input_sha256 as sha256']).execute();
    for (const { key, sha256 } of [...rows, ...inputs]) {
      if (key === null) continue;
      named.add(key);
      const content = await text(await target.artifacts.get(key));
      expect(createHash('sha256').update(content).digest('hex'), key).toBe(sha256);
    }
    expect(await target.keys()).toEqual([...named].sort());
    expect(report).toMatchObject({ files: named.size, queued: 3, erasures: 0 });

    const verdict = await verifyAudit(db);
    expect(verdict).toMatchObject({ count: record.audit.count + 1 });
    expect(verdict).not.toHaveProperty('brokenAt');
    expect(await queueOf(target)).toEqual([running.id, queued.id].sort());
    expect(await readFile(join(target.dataDir, 'keys.json'), 'utf8')).toBe('{"keys":[]}');
    expect((await stat(join(target.dataDir, 'keys.json'))).mode & 0o777).toBe(0o600);
    expect(await readdir(target.dataDir)).not.toContain('keys.json.tmp');
  });
});

describe('a backup and its restore', () => {
  it('leave out, and note, files that were deleted while the backup was made', async () => {
    const fixture = await createJobFixture();
    const job = await fixture.addJob();
    const { dir } = await backUp(fixture);
    const lost = `jobs/${job.id}/1-result.json`;
    // As if its row had gone a moment after the rows were read.
    const path = join(dir, 'backup.json');
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), vanished: [lost] }));
    await rm(join(dir, 'files', lost));
    const target = await createJobFixture();
    await restore(target, dir);
    expect((await target.store.artifacts([job.id])).map(({ name }) => name)).toEqual(['manifest.json']);
  });

  it('say which files were missing or cut off already, though rows name them', async () => {
    const fixture = await createJobFixture();
    const [one, two] = [await fixture.addJob({ audio: 'one' }), await fixture.addJob({ audio: 'two' })];
    await fixture.artifacts.delete(one.input_key ?? '');
    await writeFile(await fixture.artifacts.localPath(two.input_key ?? ''), 't');
    const { dir, record } = await backUp(fixture);
    expect(record).toMatchObject({ vanished: [], damaged: [one.input_key, two.input_key].sort() });
    const target = await createJobFixture();
    await restore(target, dir);
    expect((await target.store.find(one.id))?.input_key).toBeNull();
  });

  it('take a database of an older version forward', async () => {
    const { url, drop } = await createTestDatabase({ template: 'template0' });
    onTestFinished(drop);
    const old = connectDatabase({ connection: { connectionString: url }, log: silentLog });
    onTestFinished(() => old.close());
    const { '0005-retention': _, ...older } = MIGRATIONS;
    const names = Object.keys(older).filter((name) => name < '0005');
    await migrate(old.db, Object.fromEntries(Object.entries(older).filter(([name]) => names.includes(name))));
    await old.db.transaction().execute((transaction) => {
      return appendAudit(transaction, { actor: 'key_1', action: 'old', result: 'success' });
    });
    const dataDir = await tempDir();
    const dir = join(await tempDir(), 'backup');
    await makeBackup({ db: old.db, dataDir, dir, version: '0.9.0' });
    const target = await createJobFixture();
    await restore(target, dir);
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(
      target.database.db,
    );
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(MIGRATIONS));
    expect(await verifyAudit(target.database.db)).toMatchObject({ count: 2 });
  });
});

describe('erasures', () => {
  async function eraserOf(fixture: JobFixture): Promise<Erasure> {
    const { jobs } = await fixture.service();
    const { dataDir, workRoot } = fixture;
    const store = new ErasureStore(fixture.database.db);
    return new Erasure({ store, jobs, journal: journalPath(dataDir), workRoot, log: silentLog });
  }

  it('made since the backup are made again: nothing of the subject comes back, not even to the disk', async () => {
    const fixture = await createJobFixture();
    const ann = await fixture.addJob({ user: 'ann', audio: 'hers' });
    const bob = await fixture.addJob({ user: 'bob', audio: 'his' });
    for (const { id, owner } of [ann, bob]) {
      await hold(fixture.database.db, { owner, reference: publicJobId(id), seconds: 1 });
    }
    const { dir } = await backUp(fixture);
    const erasure = await eraserOf(fixture);
    const { id } = await erasure.erase({ kind: 'user', value: 'ann' }, 'key_admin');
    const target = await createJobFixture();
    // The journal outlives the database.
    await rename(journalPath(fixture.dataDir), journalPath(target.dataDir));
    expect(await restore(target, dir)).toMatchObject({ erasures: 1, files: 3 });
    expect(await target.store.find(ann.id)).toBeUndefined();
    expect(await target.store.find(bob.id)).toBeDefined();
    expect((await target.keys()).filter((key) => key.includes(ann.id) || key === ann.input_key)).toEqual([]);
    expect(await target.database.db.selectFrom('erasures').select(['id', 'counts', 'subject']).execute()).toMatchObject(
      [{ id, counts: { jobs: 1, job_records: 0 }, subject: null }],
    );
    const held = await target.database.db.selectFrom('usage_reservations').select('reference').execute();
    expect(held).toEqual([{ reference: publicJobId(bob.id) }]);
    const verdict = await verifyAudit(target.database.db);
    expect(verdict).not.toHaveProperty('brokenAt');
    expect(verdict).toMatchObject({ count: 2 });
  });

  it('of another gateway are read from its journal, those under way are finished, and who came back stays', async () => {
    const fixture = await createJobFixture();
    const erasure = await eraserOf(fixture);
    await fixture.addJob({ owner: 'key_back', audio: 'gone' });
    await erasure.erase({ kind: 'key', value: 'key_back' }, 'key_admin');
    const back = await fixture.addJob({ owner: 'key_back', audio: 'back' });
    const pending = await fixture.addJob({ user: 'ann' });
    await new ErasureStore(fixture.database.db).begin({ kind: 'user', value: 'ann' }, 'key_admin');
    const late = await fixture.addJob({ owner: 'key_late' });
    const { dir } = await backUp(fixture);
    await erasure.erase({ kind: 'key', value: 'key_late' }, 'key_admin');
    const target = await createJobFixture();
    const journal = journalPath(fixture.dataDir);
    expect(await restore(target, dir, { journals: [journal] })).toMatchObject({ erasures: 2 });
    const ids = await Promise.all([back, pending, late].map(({ id }) => target.store.find(id)));
    expect(ids.map((job) => job?.id)).toEqual([back.id, undefined, undefined]);
    expect(await readFile(journalPath(target.dataDir), 'utf8')).toBe(await readFile(journal, 'utf8'));
    const unfinished = await new ErasureStore(target.database.db).unfinished();
    expect(unfinished).toEqual([]);
  });
});

describe('a restore refuses', () => {
  it('a database that is not empty, unless it is told to replace it', async () => {
    const fixture = await createJobFixture();
    const job = await fixture.addJob();
    const { dir } = await backUp(fixture);
    const target = await createJobFixture();
    const other = await target.addJob({ audio: 'other' });
    await writeFile(join(target.dataDir, 'keys.json'), 'newer');
    await writeFile(join(fixture.dataDir, 'keys.json'), 'older');
    const { dir: later } = await backUp(fixture);
    await expect(restore(target, dir)).rejects.toThrow('not empty (jobs has rows)');
    expect(await target.store.find(other.id)).toBeDefined();
    await restore(target, later, { force: true });
    expect(await target.store.find(other.id)).toBeUndefined();
    expect(await target.store.find(job.id)).toBeDefined();
    expect(await readFile(join(target.dataDir, 'keys.json'), 'utf8')).toBe('older');
    expect(await readFile(join(target.dataDir, 'keys.json.before-restore'), 'utf8')).toBe('newer');
  });

  it('a database that a gateway uses, or that holds tables of others', async () => {
    const { dir } = await backUp(await createJobFixture());
    const target = await createJobFixture();
    await sql`create table strange (id integer)`.execute(target.database.db);
    await expect(restore(target, dir, { force: true })).rejects.toThrow('strange');
    await sql`drop table strange`.execute(target.database.db);
    await target.service();
    await expect(restore(target, dir)).rejects.toThrow('A gateway is using the database');
  });

  it('a backup of a newer version', async () => {
    const fixture = await createJobFixture();
    await sql`insert into kysely_migration (name, timestamp) values ('9999-from-the-future', 'x')`.execute(
      fixture.database.db,
    );
    const { dir } = await backUp(fixture);
    await expect(restore(await createJobFixture(), dir)).rejects.toThrow(/newer version .*9999-from-the-future/);
  });

  it.each([
    ['a table', 'tables/jobs.ndjson.gz'],
    ['a key file', 'state/keys.json'],
    ['an artifact', 'files'],
    ['the record', 'backup.json'],
  ])('a backup of which %s is damaged or missing, and changes nothing', async (_, part) => {
    const fixture = await createJobFixture();
    const job = await fixture.addJob();
    await writeFile(join(fixture.dataDir, 'keys.json'), '{}');
    const { dir } = await backUp(fixture);
    const path = join(dir, part === 'files' ? `files/${job.input_key}` : part);
    const target = await createJobFixture();
    const whole = await readFile(path);
    // Not in place: the file may be a link to the gateway's own.
    const change = async (content: Buffer) => {
      await rm(path);
      await writeFile(path, content);
    };
    const flipped = Buffer.from(whole);
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    if (part !== 'backup.json') {
      await change(flipped);
      await expect(restore(target, dir)).rejects.toThrow('damaged');
    }
    await rm(path);
    await expect(restore(target, dir)).rejects.toThrow(/damaged|ENOENT|no complete backup/);
    expect(await allRows(target.database, TABLES)).toEqual(Object.fromEntries(TABLES.map((table) => [table, []])));
    expect(await readdir(target.dataDir)).not.toContain('keys.json');
    await writeFile(path, whole);
    await restore(target, dir);
  });

  it('a backup whose audit log lost its end, though all else fits', async () => {
    const fixture = await createJobFixture();
    await audit(fixture.database, 'one');
    const { dir } = await backUp(fixture);
    const path = join(dir, 'backup.json');
    const record = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...record, audit: { ...record.audit, count: 2 } }));
    await expect(restore(await createJobFixture(), dir)).rejects.toThrow('its end is missing');
  });
});

describe('a backup', () => {
  it('holds every table, and no table draws its ids from a sequence, which a restore would have to set', async () => {
    const { database } = await createJobFixture();
    const { rows } = await sql<{ name: string; kind: string }>`
      select relname as name, relkind as kind from pg_class
      where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'S')`.execute(database.db);
    expect(rows.map(({ name }) => name).sort()).toEqual([...TABLES, ...MIGRATION_TABLES].sort());
  });

  it('takes no folder that holds something', async () => {
    const fixture = await createJobFixture();
    const { dir } = await backUp(fixture);
    const again = makeBackup({ db: fixture.database.db, dataDir: fixture.dataDir, dir, version: '1' });
    await expect(again).rejects.toThrow('is not empty');
  });
});

describe('npm run backup and npm run restore', () => {
  async function run(command: string, args: readonly string[], env: Record<string, string>) {
    const child = spawn(process.execPath, [join(PROJECT_ROOT, `backend/src/commands/${command}.ts`), ...args], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close');
    const [output, problems] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: (await ended)[0], output, problems };
  }

  it('back up the embedded database beside the running gateway, and restore it into an empty folder', async () => {
    const root = await tempDir();
    const [from, to, dir] = [join(root, 'from'), join(root, 'to'), join(root, 'backup')];
    const database = await openDatabase({ dataDir: from, databaseUrl: undefined, log: silentLog });
    try {
      await audit(database, 'one');
      await mkdir(from, { recursive: true });
      await appendFile(join(from, 'keys.json'), '{}');
      expect(await run('backup', [dir], { DATA_DIR: from })).toEqual({
        code: 0,
        output: expect.stringMatching(/^backup_\w{32}: 1 rows and 0 files \(0 bytes\) as of /),
        problems: '',
      });
    } finally {
      await database.close();
    }
    expect(await run('restore', [dir], { DATA_DIR: to })).toEqual({
      code: 0,
      output: expect.stringMatching(/^backup_\w{32} of .* is restored: 0 files, 0 unfinished jobs go on\n$/),
      problems: '',
    });
    expect(await readFile(join(to, 'keys.json'), 'utf8')).toBe('{}');
  });

  it('say how they are used', async () => {
    expect(await run('backup', [], {})).toEqual({ code: 1, output: '', problems: 'Usage: npm run backup -- DIR\n' });
    expect(await run('restore', ['one', 'two'], {})).toMatchObject({
      code: 1,
      problems: expect.stringMatching(/^Usage: npm run restore/),
    });
  });
});
