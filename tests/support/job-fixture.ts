/** Jobs in a database and a folder of a test's own: rows and files as the gateway leaves them, without a gateway. */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { onTestFinished } from 'vitest';
import type { JobStatus } from '../../backend/src/contract/jobs.ts';
import { LocalArtifacts } from '../../backend/src/jobs/artifacts.ts';
import { jobFolders } from '../../backend/src/jobs/data-folders.ts';
import { inputKey } from '../../backend/src/jobs/input-key.ts';
import { JobService } from '../../backend/src/jobs/job-service.ts';
import { JobQueue } from '../../backend/src/jobs/queue.ts';
import { type Database, openDatabase } from '../../backend/src/store/database.ts';
import { JOB_CHANNEL, type JobRow, JobStore } from '../../backend/src/store/jobs.ts';
import { Notifications } from '../../backend/src/store/notifications.ts';
import { silentLog } from './silent-log.ts';
import { tempDir } from './temp-dir.ts';
import { createTestDatabase } from './test-database.ts';

export interface JobFixture {
  url: string;
  dataDir: string;
  database: Database;
  store: JobStore;
  artifacts: LocalArtifacts;
  workRoot: string;
  /** A job with its audio, and with what a job of its status has. */
  addJob(job?: AddedJob): Promise<JobRow>;
  /** Keys of all files, in order. */
  keys(): Promise<string[]>;
  service(): Promise<{ jobs: JobService; queue: JobQueue }>;
}

export interface AddedJob {
  owner?: string;
  user?: string;
  status?: JobStatus;
  /** Equal texts of one owner are one file. */
  audio?: string;
  /** Since its end, or its beginning. */
  hoursAgo?: number;
  leader?: string;
}

/** @param server as `createTestDatabase` takes it; default: the server of the whole run. */
export async function createJobFixture(server?: string): Promise<JobFixture> {
  const { url, drop } = await createTestDatabase(server === undefined ? {} : { server, template: 'template0' });
  onTestFinished(drop);
  const dir = await tempDir();
  const database = await openDatabase({ dataDir: dir, databaseUrl: url, log: silentLog });
  onTestFinished(() => database.close());
  const folders = jobFolders(dir);
  const store = new JobStore(database.db);
  const artifacts = new LocalArtifacts(folders.artifacts);

  async function addJob(job: AddedJob = {}): Promise<JobRow> {
    const { owner = 'key_1', user, status = 'succeeded', audio = 'audio', hoursAgo = 0, leader } = job;
    const sha256 = createHash('sha256').update(audio).digest('hex');
    const key = inputKey(owner, sha256);
    await artifacts.put(key, audio);
    return store.transaction(async (transaction) => {
      const { id } = await store.insert(transaction, {
        owner,
        task: 'transcription',
        model: 'tiny',
        request: { language: 'en' },
        metadata: { colour: 'blue', ...(user === undefined ? {} : { user }) },
        may_reuse: true,
        request_key: null,
        input_key: key,
        input_sha256: sha256,
        input_bytes: Buffer.byteLength(audio),
        input_name: `${audio}.wav`,
        leader: leader ?? null,
      });
      await store.noteIdempotent(transaction, { owner, key: `idempotency-${id}`, fingerprint: 'f', job_id: id });
      if (status !== 'queued') await store.claim(transaction, id);
      if (status === 'running') {
        await store.addWindow(
          transaction,
          { id, attempt: 1 },
          {
            index: 0,
            window: { text: 'so far' },
            position: null,
            processedSeconds: 1.1,
            event: {
              type: 'job.progress',
              processed_seconds: 1.1,
              total_seconds: null,
              eta_seconds: null,
              segments: [],
            },
          },
        );
      }
      if (status === 'succeeded') {
        const contents = { 'result.json': `{"text":"${audio}"}`, 'manifest.json': `{"job":"${id}"}\n` };
        for (const [name, content] of Object.entries(contents)) {
          const file = `jobs/${id}/1-${name}`;
          const stored = await artifacts.put(file, content);
          await store.addArtifacts(transaction, [
            { job_id: id, name, key: file, content_type: 'application/json', ...stored },
          ]);
        }
      }
      if (status === 'succeeded' || status === 'failed' || status === 'cancelled')
        await store.end(transaction, id, status);
      return transaction
        .updateTable('jobs')
        .set({
          created_at: sql`created_at - make_interval(hours => ${hoursAgo})`,
          finished_at: sql`finished_at - make_interval(hours => ${hoursAgo})`,
        })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
    });
  }

  async function service() {
    const notifications = new Notifications({ connection: database.connection, channel: JOB_CHANNEL, log: silentLog });
    const queue = await JobQueue.start({ connection: database.connection, log: silentLog, concurrency: 1 });
    onTestFinished(async () => {
      await queue.stop();
      await notifications.close();
    });
    const putManifest = () => Promise.reject(new Error('no job is computed here'));
    const jobs = new JobService({ store, queue, artifacts, notifications, hooks: [], concurrency: 1, putManifest });
    return { jobs, queue };
  }

  return {
    url,
    dataDir: dir,
    database,
    store,
    artifacts,
    workRoot: folders.work,
    addJob,
    keys: async () => {
      const found: string[] = [];
      for (const prefix of ['inputs', 'jobs']) for await (const { key } of artifacts.list(prefix)) found.push(key);
      return found.sort();
    },
    service,
  };
}

/** Rows of everything there is, in an order of their own. */
export async function allRows(
  { db }: Pick<Database, 'db'>,
  tables: readonly string[],
): Promise<Record<string, string[]>> {
  const rows: Record<string, string[]> = {};
  for (const table of tables) {
    const found = await sql<{ row: string }>`select t::text as row from ${sql.id(table)} t order by 1`.execute(db);
    rows[table] = found.rows.map(({ row }) => row);
  }
  return rows;
}
