/** The queue: which job is next, and who holds it. Entries are written in the transactions of the jobs' own rows. */
import type { Transaction } from 'kysely';
import type { PoolConfig } from 'pg';
import { fromKysely, type JobWithMetadata, PgBoss } from 'pg-boss';
import type { Logger } from '../logger.ts';
import type { Schema } from '../store/schema.ts';

const QUEUE = 'jobs';
const DEAD_LETTERS = 'jobs_dead';
/** A gateway that has died is noticed after so long, and its jobs are given to others. */
const HEARTBEAT_SECONDS = 10;
const SUPERVISE_SECONDS = 5;
/** Far beyond what a file can take: the heartbeat tells who is alive. */
const EXPIRE_SECONDS = 23 * 3600;
/** How often an entry is tried is the job's own to say: it knows whether it got on. */
const RETRY_LIMIT = 1000;
const RETRY_MAX_SECONDS = 30;
const POLL_SECONDS = 1;
/** While notifications wake the workers, polling finds what is due after a pause. */
const NOTIFIED_POLL_SECONDS = 1;
const CONNECTIONS = 4;

/** An entry as it was taken. */
export interface Taken {
  jobId: string;
  retryCount: number;
  /** Aborted when the entry was taken away. */
  signal: AbortSignal;
}

export interface JobQueueOptions {
  connection: PoolConfig;
  log: Logger;
  /** Jobs at a time. */
  concurrency: number;
}

export class JobQueue {
  readonly #boss: PgBoss;
  readonly #concurrency: number;

  private constructor(boss: PgBoss, concurrency: number) {
    this.#boss = boss;
    this.#concurrency = concurrency;
  }

  static async start({ connection, log, concurrency }: JobQueueOptions): Promise<JobQueue> {
    const { connectionString, host, port, user, password, database } = connection;
    const boss = new PgBoss({
      ...(connectionString === undefined ? {} : { connectionString }),
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      ...(user === undefined ? {} : { user }),
      ...(typeof password === 'string' ? { password } : {}),
      ...(database === undefined ? {} : { database }),
      application_name: 'audio-gateway queue',
      max: CONNECTIONS,
      useListenNotify: true,
      schedule: false,
      superviseIntervalSeconds: SUPERVISE_SECONDS,
      monitorIntervalSeconds: SUPERVISE_SECONDS,
    });
    // While the database restarts there are many of these, and nothing to do about them.
    boss.on('error', (error) => log.warn('queue', { reason: error.message }));
    boss.on('warning', ({ message }) => log.warn('queue', { reason: message }));
    await boss.start();
    await boss.createQueue(DEAD_LETTERS, {});
    await boss.createQueue(QUEUE, {
      retryLimit: RETRY_LIMIT,
      retryDelay: 1,
      retryBackoff: true,
      retryDelayMax: RETRY_MAX_SECONDS,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      expireInSeconds: EXPIRE_SECONDS,
      deadLetter: DEAD_LETTERS,
      notify: true,
    });
    return new JobQueue(boss, concurrency);
  }

  /** Committed with the transaction. */
  async add(transaction: Transaction<Schema>, jobId: string, priority: number): Promise<void> {
    await this.#boss.send(QUEUE, {}, { id: jobId, priority, db: fromKysely(transaction) });
  }

  /** Has no effect when the entry is another's by now. */
  async complete(transaction: Transaction<Schema>, { jobId, retryCount }: Taken): Promise<void> {
    await this.#boss.complete(QUEUE, { id: jobId, retryCount }, null, { db: fromKysely(transaction) });
  }

  /** Takes entries from whoever held them: they come again after a pause. */
  async release(jobIds: string[]): Promise<void> {
    if (jobIds.length > 0) await this.#boss.fail(QUEUE, jobIds, { reason: 'its gateway ended' });
  }

  /** For a job that nobody needs to work on any more, taken or not. */
  async remove(transaction: Transaction<Schema>, jobId: string): Promise<void> {
    await this.#boss.deleteJob(QUEUE, jobId, { db: fromKysely(transaction) });
  }

  /** Works through the queue. A handler that rejects gives its entry back, for another attempt after a pause. */
  async work(handle: (taken: Taken) => Promise<void>): Promise<void> {
    const options = {
      localConcurrency: this.#concurrency,
      batchSize: 1,
      pollingIntervalSeconds: POLL_SECONDS,
      notifyPollingIntervalSeconds: NOTIFIED_POLL_SECONDS,
      heartbeatRefreshSeconds: HEARTBEAT_SECONDS / 4,
      includeMetadata: true,
    } as const;
    await this.#boss.work(QUEUE, options, async ([entry]: JobWithMetadata[]) => {
      if (entry === undefined) return;
      await handle({ jobId: entry.id, retryCount: entry.retryCount, signal: entry.signal });
    });
  }

  /** Takes no more jobs. */
  async pause(): Promise<void> {
    await this.#boss.offWork(QUEUE, { wait: false });
  }

  async stop(): Promise<void> {
    await this.#boss.stop({ graceful: false, close: true });
  }
}
