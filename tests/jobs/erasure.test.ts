import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { Erasure } from '../../backend/src/jobs/erasure.ts';
import { Retention } from '../../backend/src/jobs/retention.ts';
import { exportSubject } from '../../backend/src/jobs/subject-export.ts';
import { exportAudit, verifyAudit } from '../../backend/src/store/audit.ts';
import { ErasureStore, erasureId, hashSubject, ownedRows, type Subject } from '../../backend/src/store/erasure.ts';
import { addToJournal, journalPath, readJournal } from '../../backend/src/store/erasure-journal.ts';
import type { JobRow } from '../../backend/src/store/jobs.ts';
import { RetentionStore } from '../../backend/src/store/retention.ts';
import { SpeakerStore } from '../../backend/src/store/speakers.ts';
import { allRows, createJobFixture, type JobFixture } from '../support/job-fixture.ts';
import { silentLog } from '../support/silent-log.ts';
import { tempDir } from '../support/temp-dir.ts';

interface ErasureFixture extends JobFixture {
  erasures: ErasureStore;
  erasure: Erasure;
  jobs: { remove(job: JobRow): Promise<void> };
}

async function createErasureFixture(): Promise<ErasureFixture> {
  const fixture = await createJobFixture();
  const { jobs } = await fixture.service();
  const erasures = new ErasureStore(fixture.database.db);
  return { ...fixture, erasures, jobs, erasure: erasureOf(fixture, erasures, jobs) };
}

function erasureOf({ dataDir, workRoot }: JobFixture, store: ErasureStore, jobs: ErasureFixture['jobs']): Erasure {
  return new Erasure({ store, jobs, journal: journalPath(dataDir), workRoot, log: silentLog });
}

/** Puts two jobs of each owner and user, one of which is a record by now. */
async function expireOld(fixture: ErasureFixture): Promise<void> {
  const { database, store, artifacts, workRoot } = fixture;
  const { jobs } = await fixture.service();
  const retention = new Retention({
    store: new RetentionStore(database.db, store),
    jobStore: store,
    jobs,
    artifacts,
    workRoot,
    jobRetentionDays: 30,
    uploadRetentionHours: 10_000,
    log: silentLog,
  });
  await retention.sweep();
}

const EVERYTHING = ['jobs', 'job_windows', 'job_events', 'artifacts', 'idempotency_keys', 'job_records'];
const MONTHS = 60 * 24;

describe('an erasure', () => {
  it('of a key leaves nothing of its jobs: rows, files, manifests, work folders', async () => {
    const fixture = await createErasureFixture();
    const mine = [
      await fixture.addJob({ owner: 'key_mine', audio: 'one' }),
      await fixture.addJob({ owner: 'key_mine', audio: 'two', status: 'running' }),
      await fixture.addJob({ owner: 'key_mine', audio: 'three', status: 'queued', user: 'ann' }),
    ];
    await fixture.addJob({ owner: 'key_mine', audio: 'old', hoursAgo: MONTHS });
    const other = await fixture.addJob({ owner: 'key_other', audio: 'one' });
    await fixture.addJob({ owner: 'key_other', audio: 'old', hoursAgo: MONTHS });
    await expireOld(fixture);
    const folder = join(fixture.workRoot, mine[1]?.id ?? '');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'audio.pcm'), 'x');

    const row = await fixture.erasure.erase({ kind: 'key', value: 'key_mine' }, 'key_admin');
    expect(row).toMatchObject({ counts: { jobs: 3, job_records: 1 }, subject: null, finished_at: expect.any(Date) });
    const left = JSON.stringify(await allRows(fixture.database, EVERYTHING));
    expect(left).not.toContain('key_mine');
    for (const { id } of mine) expect(left).not.toContain(id);
    expect(await fixture.keys()).toEqual(
      [other.input_key, `jobs/${other.id}/1-manifest.json`, `jobs/${other.id}/1-result.json`].sort(),
    );
    expect(await readdir(fixture.workRoot)).toEqual([]);
    expect(await fixture.database.db.selectFrom('job_records').select('owner').execute()).toEqual([
      { owner: 'key_other' },
    ]);
  });

  it('of a user leaves nothing of the requests that named it, with whatever key', async () => {
    const fixture = await createErasureFixture();
    await fixture.addJob({ owner: 'key_1', user: 'ann@example.com', audio: 'same' });
    await fixture.addJob({ owner: 'key_2', user: 'ann@example.com', status: 'failed' });
    await fixture.addJob({ owner: 'key_2', user: 'ann@example.com', hoursAgo: MONTHS });
    const others = [
      await fixture.addJob({ owner: 'key_1', user: 'bob@example.com', audio: 'same' }),
      await fixture.addJob({ owner: 'key_2' }),
    ];
    await expireOld(fixture);
    const row = await fixture.erasure.erase({ kind: 'user', value: 'ann@example.com' }, 'key_admin');
    expect(row.counts).toMatchObject({ jobs: 2, job_records: 1 });
    expect(JSON.stringify(await allRows(fixture.database, [...EVERYTHING, 'erasures', 'audit_log']))).not.toContain(
      'ann@',
    );
    expect(await readFile(journalPath(fixture.dataDir), 'utf8')).not.toContain('ann@');
    const { db } = fixture.database;
    const ids = (await db.selectFrom('jobs').select('id').execute()).map(({ id }) => id);
    expect(ids.sort()).toEqual(others.map(({ id }) => id).sort());
    // Audio that both sent with one key stays the other's.
    await fixture.artifacts.localPath(others[0]?.input_key ?? '');
  });

  it('is in the audit log, in a row of its own and in the journal, and says there of nobody whom it was about', async () => {
    const fixture = await createErasureFixture();
    await fixture.addJob({ user: 'ann' });
    const subject: Subject = { kind: 'user', value: 'ann' };
    const row = await fixture.erasure.erase(subject, 'key_admin');
    const audit = [];
    for await (const each of exportAudit(fixture.database.db)) audit.push(each);
    expect(audit.at(-1)).toMatchObject({
      actor: 'key_admin',
      action: 'gdpr.erased',
      subject: erasureId(row),
      result: 'success',
    });
    expect(await verifyAudit(fixture.database.db)).toMatchObject({ count: audit.length });
    const [note, ...more] = await readJournal(journalPath(fixture.dataDir));
    expect(more).toEqual([]);
    expect(note).toEqual({
      id: row.id,
      kind: 'user',
      salt: row.salt,
      hash: hashSubject(subject, row.salt),
      requested_at: row.requested_at.toISOString(),
    });
  });

  it('that was interrupted is finished at the next start', async () => {
    const fixture = await createErasureFixture();
    for (const audio of ['one', 'two', 'three']) await fixture.addJob({ audio });
    let removed = 0;
    const dying = erasureOf(fixture, fixture.erasures, {
      remove: async (job) => {
        if (removed++ === 1) throw new Error('power cut');
        await fixture.jobs.remove(job);
      },
    });
    await expect(dying.erase({ kind: 'key', value: 'key_1' }, 'key_admin')).rejects.toThrow('power cut');
    expect(await fixture.erasures.unfinished()).toHaveLength(1);
    const restarted = erasureOf(fixture, fixture.erasures, fixture.jobs);
    await restarted.finishPending();
    expect(await fixture.erasures.unfinished()).toEqual([]);
    expect(await fixture.keys()).toEqual([]);
    const { db } = fixture.database;
    expect(await db.selectFrom('erasures').select(['counts', 'subject']).execute()).toMatchObject([
      { counts: { jobs: 3, job_records: 0 }, subject: null },
    ]);
    await restarted.finishPending();
    const actions = [];
    for await (const { action } of exportAudit(db)) actions.push(action);
    expect(actions.filter((action) => action === 'gdpr.erased')).toHaveLength(1);
  });

  it('takes the rows of other tables with it that are the key’s', async () => {
    const fixture = await createErasureFixture();
    const { id: job_id } = await fixture.addJob({ owner: 'key_other' });
    const { db } = fixture.database;
    const row = { owner: 'key_1', fingerprint: 'f', job_id };
    await db
      .insertInto('idempotency_keys')
      .values({ ...row, key: 'old', created_at: new Date(0) })
      .execute();
    await db
      .insertInto('idempotency_keys')
      .values({ ...row, key: 'later', created_at: new Date('2999-01-01') })
      .execute();
    const store = new ErasureStore(db, [ownedRows('idempotency_keys', 'created_at')]);
    const subject: Subject = { kind: 'key', value: 'key_1' };
    const exported = [];
    for await (const each of store.exportOthers(subject)) exported.push(each);
    expect(exported).toMatchObject([
      { type: 'idempotency_keys', row: { key: 'old' } },
      { type: 'idempotency_keys', row: { key: 'later' } },
    ]);
    const erasure = erasureOf(fixture, store, fixture.jobs);
    expect(await erasure.erase({ kind: 'user', value: 'key_1' }, 'a')).toMatchObject({
      counts: { idempotency_keys: 0 },
    });
    expect(await erasure.erase(subject, 'a')).toMatchObject({ counts: { idempotency_keys: 1 } });
    const left = await db.selectFrom('idempotency_keys').select(['owner', 'key']).execute();
    expect(left).toEqual(expect.arrayContaining([{ owner: 'key_1', key: 'later' }]));
    expect(left).toHaveLength(2);
  });

  it('of a key forgets the voices that it enrolled; the export before it has their voiceprints', async () => {
    const fixture = await createErasureFixture();
    const { db } = fixture.database;
    const speakers = new SpeakerStore(db);
    const voice = { model: 'm', voiceprint: [0.25, -0.5], clips: 1, seconds: 3 };
    for (const name of ['Ann', 'Bob']) await speakers.add({ owner: 'key_1', name, ...voice });
    await speakers.add({ owner: 'key_2', name: 'Ann', ...voice });
    const subject: Subject = { kind: 'key', value: 'key_1' };
    const exported = [];
    for await (const { type, row } of fixture.erasures.exportOthers(subject)) {
      if (type === 'speakers') exported.push(row);
    }
    expect(exported).toMatchObject([
      { owner: 'key_1', name: 'Ann', ...voice },
      { owner: 'key_1', name: 'Bob', ...voice },
    ]);
    expect(await fixture.erasure.erase({ kind: 'user', value: 'key_1' }, 'a')).toMatchObject({
      counts: { speakers: 0 },
    });
    const begun = await fixture.erasures.begin(subject, 'a');
    await speakers.add({ owner: 'key_1', name: 'Later', ...voice });
    await sql`update speakers set created_at = now() + interval '1 hour' where name = 'Later'`.execute(db);
    await fixture.erasure.finishPending();
    const { counts } = await db
      .selectFrom('erasures')
      .select('counts')
      .where('id', '=', begun.id)
      .executeTakeFirstOrThrow();
    expect(counts).toMatchObject({ speakers: 2 });
    expect(await db.selectFrom('speakers').select(['owner', 'name']).orderBy('owner').execute()).toEqual([
      { owner: 'key_1', name: 'Later' },
      { owner: 'key_2', name: 'Ann' },
    ]);
  });

  it('leaves what was made after it was asked for', async () => {
    const fixture = await createErasureFixture();
    await fixture.addJob({ audio: 'before' });
    const row = await fixture.erasures.begin({ kind: 'key', value: 'key_1' }, 'key_admin');
    const later = await fixture.addJob({ audio: 'after', hoursAgo: -1 });
    await fixture.erasure.finishPending();
    expect(await fixture.database.db.selectFrom('jobs').select('id').execute()).toEqual([{ id: later.id }]);
    expect(row.finished_at).toBeNull();
  });

  it('of a job that others wait for lets one of them be computed', async () => {
    const fixture = await createErasureFixture();
    const leader = await fixture.addJob({ user: 'ann', status: 'running' });
    const follower = await fixture.addJob({ user: 'bob', status: 'queued', leader: leader.id });
    await fixture.erasure.erase({ kind: 'user', value: 'ann' }, 'key_admin');
    const queued = await sql<{ id: string }>`select id from pgboss.job`.execute(fixture.database.db);
    expect(queued.rows).toEqual([{ id: follower.id }]);
  });
});

describe('the journal', () => {
  const NOTES = ['11111111-2222-4333-8444-555555555555', '21111111-2222-4333-8444-555555555555'].map((id) => {
    return { id, kind: 'key' as const, salt: 's', hash: 'h', requested_at: '2026-01-02T03:04:05.678Z' };
  });

  it('has each erasure once, those of other gateways too, and goes on behind a line that was cut off', async () => {
    const path = join(await tempDir(), 'folder', 'erasures.jsonl');
    expect(await readJournal(path)).toEqual([]);
    await addToJournal(path, NOTES.slice(0, 1));
    await appendFile(path, '{"id":"2111');
    expect(await readJournal(path)).toEqual(NOTES.slice(0, 1));
    await addToJournal(path, NOTES);
    await addToJournal(path, NOTES);
    expect(await readJournal(path)).toEqual(NOTES);
  });

  it('that was damaged is an error, since somebody would come back', async () => {
    const path = join(await tempDir(), 'erasures.jsonl');
    await addToJournal(path, NOTES);
    await writeFile(path, (await readFile(path, 'utf8')).replace('"id"', '"di"'));
    await expect(readJournal(path)).rejects.toThrow('damaged in line 1');
  });
});

describe('an export', () => {
  it('has the rows, the results, the audio and the records of the subject, of nobody else, and says where it ends', async () => {
    const fixture = await createErasureFixture();
    // Three lines of base64.
    const audio = 'long '.repeat(400_000);
    const job = await fixture.addJob({ user: 'ann', audio });
    const running = await fixture.addJob({ owner: 'key_2', user: 'ann', audio: 'half', status: 'running' });
    await fixture.addJob({ user: 'ann', hoursAgo: MONTHS });
    await fixture.addJob({ user: 'bob' });
    await expireOld(fixture);
    const { erasures: store, store: jobStore, artifacts } = fixture;
    const lines: Record<string, never>[] = [];
    const parts = exportSubject({ kind: 'user', value: 'ann' }, { store, jobStore, artifacts });
    for await (const line of parts) lines.push(JSON.parse(line));

    expect(lines[0]).toMatchObject({ type: 'subject', kind: 'user', value: 'ann' });
    expect(lines.at(-1)).toEqual({ type: 'end', counts: { job: 2, file: 4, job_records: 1 } });
    expect(JSON.stringify(lines)).not.toContain('bob');
    const publicId = `job_${job.id.replaceAll('-', '')}`;
    expect(lines).toContainEqual({
      type: 'job',
      job: expect.objectContaining({ id: publicId, input_name: job.input_name }),
    });
    const files = Map.groupBy(
      lines.filter(({ type, job_id }) => type === 'file' && job_id === publicId),
      ({ name }) => name,
    );
    const contents = Object.fromEntries(
      [...files].map(([name, found]) => [
        name,
        found.map(({ base64 }) => Buffer.from(base64 ?? '', 'base64').toString()).join(''),
      ]),
    );
    expect(contents).toEqual({
      input: audio,
      'result.json': `{"text":"${audio}"}`,
      'manifest.json': `{"job":"${job.id}"}\n`,
    });
    expect(files.get('input' as never)).toHaveLength(3);
    expect(lines).toContainEqual(
      expect.objectContaining({ type: 'job_records', row: expect.objectContaining({ end_user: 'ann' }) }),
    );
    expect(lines.filter(({ type }) => type === 'window')).toEqual([
      { type: 'window', job_id: `job_${running.id.replaceAll('-', '')}`, window: { text: 'so far' } },
    ]);
  });
});
