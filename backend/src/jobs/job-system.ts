/** Everything that jobs need, put together: built before the routes, started when they can be served, stopped before the models. */
import type { JobTask } from '../contract/jobs.ts';
import type { Logger } from '../logger.ts';
import type { FetchedFile } from '../outbound/fetch-to-file.ts';
import type { Database } from '../store/database.ts';
import { type ArtifactRow, JOB_CHANNEL, type JobRow, JobStore } from '../store/jobs.ts';
import { Notifications } from '../store/notifications.ts';
import { isTimed } from '../store/usage.ts';
import { type ArtifactStore, LocalArtifacts } from './artifacts.ts';
import { jobFolders } from './data-folders.ts';
import { createInputSource, type InputSourceOptions } from './input-source.ts';
import type { JobHandler } from './job-handler.ts';
import type { JobHooks } from './job-hooks.ts';
import { JobService } from './job-service.ts';
import { putManifest } from './manifest.ts';
import { JobQueue } from './queue.ts';
import { JobRunner } from './runner.ts';

export interface JobSystemOptions {
  database: Pick<Database, 'db' | 'connection' | 'embedded'>;
  dataDir: string;
  /** In the order in which they take part in a transaction: the audit log last. */
  hooks: readonly JobHooks[];
  /** Jobs worked on at a time. */
  concurrency: number;
  maxFruitlessAttempts: number;
  fetch(options: { url: string; path: string; signal: AbortSignal }): Promise<FetchedFile>;
  probe: InputSourceOptions['probe'];
  measure: InputSourceOptions['measure'];
  version: string;
  log: Logger;
}

export interface JobSystem {
  service: JobService;
  store: JobStore;
  artifacts: ArtifactStore;
  /** Where files of running jobs lie. */
  workRoot: string;
  /** Begins to work on jobs, those that were left included. */
  start(handlers: Record<JobTask, JobHandler>): Promise<void>;
  /** Gives back what is in work, and ends the queue's connections. */
  stop(): Promise<void>;
}

export async function openJobs(options: JobSystemOptions): Promise<JobSystem> {
  const { database, dataDir, hooks, concurrency, log, version } = options;
  const store = new JobStore(database.db);
  const { artifacts: root, work: workRoot } = jobFolders(dataDir);
  const artifacts = new LocalArtifacts(root);
  const notifications = new Notifications({ connection: database.connection, channel: JOB_CHANNEL, log });
  const queue = await JobQueue.start({ connection: database.connection, log, concurrency });
  const writeManifest = (job: JobRow, outputs: readonly ArtifactRow[], takenFrom?: string) =>
    putManifest(artifacts, { job, outputs, takenFrom, provenance: undefined, softwareVersion: version });
  const service = new JobService({
    store,
    queue,
    artifacts,
    notifications,
    hooks,
    concurrency,
    putManifest: writeManifest,
  });
  let runner: JobRunner | undefined;
  return {
    service,
    store,
    artifacts,
    workRoot,
    async start(handlers) {
      const { maxFruitlessAttempts, fetch, probe, measure } = options;
      const inputs = createInputSource({
        store,
        artifacts,
        workRoot,
        fetch,
        probe,
        measure,
        isTimed: (owner) => isTimed(database.db, owner),
      });
      runner = new JobRunner({
        store,
        queue,
        artifacts,
        inputs,
        notifications,
        handlers,
        hooks,
        workRoot,
        maxFruitlessAttempts,
        version,
        alone: database.embedded !== undefined,
        log,
      });
      await runner.start();
    },
    async stop() {
      await runner?.stop();
      await queue.stop();
      await notifications.close();
    },
  };
}
