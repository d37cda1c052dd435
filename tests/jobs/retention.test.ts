import { mkdir, readdir, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { publicJobId } from '../../backend/src/jobs/job-id.ts';
import { Retention, type RetentionOptions } from '../../backend/src/jobs/retention.ts';
import { exportAudit } from '../../backend/src/store/audit.ts';
import { RetentionStore } from '../../backend/src/store/retention.ts';
import { createJobFixture, type JobFixture } from '../support/job-fixture.ts';
import { silentLog } from '../support/silent-log.ts';
import { waitUntil } from '../support/wait-until.ts';

async function retentionOf(fixture: JobFixture, options: Partial<RetentionOptions> = {}): Promise<Retention> {
  const { database, store, artifacts, workRoot } = fixture;
  const { jobs } = await fixture.service();
  return new Retention({
    store: new RetentionStore(database.db, store),
    jobStore: store,
    jobs,
    artifacts,
    workRoot,
    jobRetentionDays: 30,
    uploadRetentionHours: 24,
    log: silentLog,
    ...options,
  });
}

const NOTHING = { jobs: 0, inputs: 0, idempotencyKeys: 0, orphans: 0, workFolders: 0 };

describe('a sweep', () => {
  it('deletes the audio of jobs that have long been over, and nothing else of them', async () => {
    const fixture = await createJobFixture();
    const old = await fixture.addJob({ audio: 'old', hoursAgo: 25 });
    const failed = await fixture.addJob({ audio: 'failed', status: 'failed', hoursAgo: 25 });
    const young = await fixture.addJob({ audio: 'young', hoursAgo: 23 });
    const waiting = await fixture.addJob({ audio: 'waiting', status: 'queued', hoursAgo: 25 });
    const retention = await retentionOf(fixture);
    expect(await retention.sweep()).toEqual({ ...NOTHING, inputs: 2 });

    expect((await fixture.store.find(old.id))?.input_key).toBeNull();
    expect((await fixture.store.find(old.id))?.input_name).toBe('old.wav');
    expect((await fixture.keys()).filter((key) => key.startsWith('inputs/')).sort()).toEqual(
      [young.input_key, waiting.input_key].sort(),
    );
    expect((await fixture.store.artifacts([old.id])).map(({ name }) => name)).toEqual(['manifest.json', 'result.json']);
    await expect(fixture.artifacts.localPath(failed.input_key ?? '')).rejects.toMatchObject({
      code: 'artifact_not_found',
    });
    expect(await retention.sweep()).toEqual(NOTHING);
  });

  it('keeps audio that a younger job has, too', async () => {
    const fixture = await createJobFixture();
    await fixture.addJob({ audio: 'same', hoursAgo: 25 });
    const young = await fixture.addJob({ audio: 'same' });
    expect(await (await retentionOf(fixture)).sweep()).toMatchObject({ inputs: 1 });
    await fixture.artifacts.localPath(young.input_key ?? '');
  });

  it('deletes jobs whose time is over, in batches, and keeps their manifests to the byte', async () => {
    const fixture = await createJobFixture();
    const expired = [];
    for (let i = 0; i < 51; i++) expired.push(await fixture.addJob({ audio: `a${i}`, user: 'ann', hoursAgo: 30 * 24 }));
    const cancelled = await fixture.addJob({ status: 'cancelled', audio: 'c', hoursAgo: 31 * 24 });
    const running = await fixture.addJob({ status: 'running', audio: 'r', hoursAgo: 31 * 24 });
    const young = await fixture.addJob({ audio: 'young', hoursAgo: 23 });
    const retention = await retentionOf(fixture);
    expect(await retention.sweep()).toEqual({ ...NOTHING, jobs: 52 });

    const { db } = fixture.database;
    const records = await db.selectFrom('job_records').selectAll().orderBy('recorded_at').execute();
    expect(records).toHaveLength(52);
    expect(records).toContainEqual(
      expect.objectContaining({
        job_id: expired[7]?.id,
        owner: 'key_1',
        end_user: 'ann',
        status: 'succeeded',
        input_name: 'a7.wav',
        input_sha256: expired[7]?.input_sha256,
        manifest: `{"job":"${expired[7]?.id}"}\n`,
        created_at: expired[7]?.created_at,
        finished_at: expired[7]?.finished_at,
      }),
    );
    expect(records).toContainEqual(expect.objectContaining({ job_id: cancelled.id, end_user: null, manifest: null }));
    const left = [running.id, young.id].sort();
    for (const table of ['jobs', 'job_events', 'idempotency_keys'] as const) {
      const column = sql<string>`${sql.id(table === 'jobs' ? 'id' : 'job_id')}::text`;
      const rows = await db.selectFrom(table).select(column.as('id')).distinct().execute();
      expect(rows.map(({ id }) => id).sort(), table).toEqual(left);
    }
    expect(await fixture.keys()).toEqual(
      [running.input_key, young.input_key, `jobs/${young.id}/1-manifest.json`, `jobs/${young.id}/1-result.json`].sort(),
    );
    const audit = [];
    for await (const { actor, action, subject } of exportAudit(db)) audit.push({ actor, action, subject });
    expect(audit).toHaveLength(52);
    expect(audit[0]).toEqual({ actor: 'retention', action: 'job.expired', subject: publicJobId(cancelled.id) });
  });

  it('deletes idempotency keys after 24 hours', async () => {
    const fixture = await createJobFixture();
    const job = await fixture.addJob();
    const other = await fixture.addJob();
    const { db } = fixture.database;
    await db
      .updateTable('idempotency_keys')
      .set({ created_at: sql`now() - interval '24 hours'` })
      .where('job_id', '=', job.id)
      .execute();
    expect(await (await retentionOf(fixture)).sweep()).toEqual({ ...NOTHING, idempotencyKeys: 1 });
    expect(await db.selectFrom('idempotency_keys').select('job_id').execute()).toEqual([{ job_id: other.id }]);
  });

  it('deletes files that no row names when they are an hour old, halves of files among them', async () => {
    const fixture = await createJobFixture();
    const job = await fixture.addJob();
    const tenant = job.input_key?.split('/')[1];
    const orphans = [
      `inputs/${tenant}/${'0'.repeat(64)}`,
      'jobs/00000000-0000-4000-8000-000000000000/1-result.json',
      `inputs/${tenant}/${'1'.repeat(64)}.00000000-0000-4000-8000-000000000000.partial`,
    ];
    const [first = ''] = orphans;
    const kept = await fixture.keys();
    for (const key of orphans) await fixture.artifacts.put(key, 'orphan');
    const retention = await retentionOf(fixture);
    expect(await retention.sweep()).toEqual(NOTHING);
    const hourAgo = new Date(Date.now() - 3_601_000);
    for (const key of [...kept, ...orphans]) await utimes(await fixture.artifacts.localPath(key), hourAgo, hourAgo);
    expect(await text(await fixture.artifacts.get(first))).toBe('orphan');
    expect(await retention.sweep()).toEqual({ ...NOTHING, orphans: 3 });
    expect(await fixture.keys()).toEqual(kept);
  });

  it('waits with the half of a file for whoever is writing the whole', async () => {
    const fixture = await createJobFixture();
    const whole = `inputs/tenant/${'1'.repeat(64)}`;
    const half = `${whole}.00000000-0000-4000-8000-000000000000.partial`;
    await fixture.artifacts.put(half, 'an upload of yesterday');
    const path = await fixture.artifacts.localPath(half);
    await utimes(path, new Date(0), new Date(0));
    const retention = await retentionOf(fixture);
    const waiting = sql`select 1 from pg_locks where not granted
      and database = (select oid from pg_database where datname = current_database())`;
    const sweeping = await fixture.store.transaction(async (transaction) => {
      await fixture.store.lockKey(transaction, whole);
      const result = retention.sweep();
      await waitUntil('the sweep waits', async () => (await waiting.execute(fixture.database.db)).rows.length === 1);
      await rename(path, join(fixture.dataDir, 'artifacts', whole));
      return { result };
    });
    await sweeping.result;
    expect(await fixture.keys()).toEqual([whole]);
  });

  it('removes the work folders of jobs that are over or gone, and leaves the others', async () => {
    const fixture = await createJobFixture();
    const over = await fixture.addJob();
    const running = await fixture.addJob({ status: 'running' });
    const gone = '11111111-2222-4333-8444-555555555555';
    const folders = [over.id, `${over.id}.input`, running.id, `${running.id}.input`, gone, 'something-else'];
    for (const name of folders) {
      await mkdir(join(fixture.workRoot, name), { recursive: true });
      await writeFile(join(fixture.workRoot, name, 'audio.pcm'), 'x');
    }
    expect(await (await retentionOf(fixture)).sweep()).toEqual({ ...NOTHING, workFolders: 3 });
    expect((await readdir(fixture.workRoot)).sort()).toEqual(
      [running.id, `${running.id}.input`, 'something-else'].sort(),
    );
  });

  it('leaves the rows to another gateway that is sweeping', async () => {
    const fixture = await createJobFixture();
    await fixture.addJob({ hoursAgo: 31 * 24 });
    const retention = await retentionOf(fixture);
    await fixture.database.db.transaction().execute(async (other) => {
      // As the other gateway's batch does.
      await sql`select pg_advisory_xact_lock(4207849485)`.execute(other);
      expect(await retention.sweep()).toEqual(NOTHING);
    });
    expect(await retention.sweep()).toMatchObject({ jobs: 1 });
  });
});

describe('sweeping', () => {
  it('begins at the start, goes on at intervals after an error, and ends when it is stopped', async () => {
    const fixture = await createJobFixture();
    const warn = vi.fn();
    const sweeps: number[] = [];
    const retention = await retentionOf(fixture, {
      intervalMs: 5,
      log: { ...silentLog, warn },
      alongside: [
        async () => {
          sweeps.push(1);
          if (sweeps.length === 1) throw new Error('once');
        },
      ],
    });
    onTestFinished(() => retention.stop());
    const job = await fixture.addJob({ hoursAgo: 31 * 24 });
    retention.start();
    await waitUntil('there were three sweeps', () => sweeps.length > 2);
    expect(warn).toHaveBeenCalledExactlyOnceWith('put off until the next sweep', { cause: new Error('once') });
    expect(await fixture.store.find(job.id)).toBeUndefined();
    await retention.stop();
    const { length } = sweeps;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sweeps).toHaveLength(length);
  });
});
