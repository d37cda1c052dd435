/**
 * Deletes what nobody needs any more: audio and jobs whose time is over, and files that a crash left. What there is to
 * do follows from the rows and the files alone, so a sweep that was interrupted is completed by the next one.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { ArtifactRow, JobStore } from '../store/jobs.ts';
import type { Batch, RetentionStore } from '../store/retention.ts';
import type { ArtifactStore } from './artifacts.ts';
import { publicJobId } from './job-id.ts';
import type { JobService } from './job-service.ts';

export interface RetentionOptions {
  store: RetentionStore;
  jobStore: JobStore;
  jobs: Pick<JobService, 'deleteFiles'>;
  artifacts: ArtifactStore;
  /** Where the runner keeps files of running jobs. */
  workRoot: string;
  /** Jobs are deleted so long after their end; their manifests stay. */
  jobRetentionDays: number;
  /** Audio is deleted so long after the end of its job. */
  uploadRetentionHours: number;
  /** What else is to be done at each sweep, in turn. */
  alongside?: readonly (() => Promise<void>)[];
  log: Logger;
  /** From the end of a sweep to the next. */
  intervalMs?: number;
}

export interface SweepReport {
  inputs: number;
  jobs: number;
  idempotencyKeys: number;
  orphans: number;
  workFolders: number;
}

const INTERVAL_MS = 3_600_000;
/** A file is there before its row is; no transaction takes so long. */
const ORPHAN_AGE_MS = 3_600_000;
const BATCH = 50;
const KEY_BATCH = 500;
const WORK_FOLDER = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.input)?$/;
/** What a write that did not come to its end leaves; `artifacts.ts` gives such names. */
const PARTIAL = /\.[0-9a-f-]{36}\.partial$/;

export class Retention {
  readonly #options: RetentionOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Sweeps now and then. */
  start(): void {
    this.#sweeping = this.#sweepOrLog().then(() => {
      if (this.#stopping.signal.aborted) return;
      this.#timer = setTimeout(() => this.start(), this.#options.intervalMs ?? INTERVAL_MS);
      this.#timer.unref();
    });
  }

  /** Resolves when the batch in work is done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#sweeping;
  }

  /** @throws what the database and the artifact store do. */
  async sweep(): Promise<SweepReport> {
    const { store, artifacts, jobRetentionDays: days, uploadRetentionHours: hours } = this.#options;
    const readManifest = ({ key }: ArtifactRow) => readIfThere(artifacts, key);
    const publicId = ({ id }: { id: string }) => publicJobId(id);
    // Jobs first: their audio goes with them.
    const jobs = await this.#inBatches(() => store.expireJobs({ days, limit: BATCH, publicId, readManifest }));
    const inputs = await this.#inBatches(() => store.dropInputs({ hours, limit: BATCH }));
    return {
      jobs,
      inputs,
      idempotencyKeys: await this.#dropIdempotencyKeys(),
      orphans: await this.#deleteOrphans(),
      workFolders: await this.#deleteWorkFolders(),
    };
  }

  async #sweepOrLog(): Promise<void> {
    const { log, alongside = [] } = this.#options;
    const begun = performance.now();
    try {
      const report = await this.sweep();
      if (Object.values(report).some((count) => count > 0)) {
        log.info('swept', { ...report, ms: Math.round(performance.now() - begun) });
      }
    } catch (error) {
      log.warn('the sweep was not completed; the next one goes on', { cause: error });
    }
    for (const also of alongside) {
      if (this.#stopping.signal.aborted) return;
      await also().catch((error: unknown) => log.warn('put off until the next sweep', { cause: error }));
    }
  }

  async #inBatches(next: () => Promise<Batch | undefined>): Promise<number> {
    let total = 0;
    while (!this.#stopping.signal.aborted) {
      const batch = await next();
      if (batch === undefined) break;
      await this.#options.jobs.deleteFiles(batch.keys);
      total += batch.jobs;
      if (batch.jobs < BATCH) break;
    }
    return total;
  }

  async #dropIdempotencyKeys(): Promise<number> {
    let total = 0;
    while (!this.#stopping.signal.aborted) {
      const count = (await this.#options.store.dropIdempotencyKeys(KEY_BATCH)) ?? 0;
      total += count;
      if (count < KEY_BATCH) break;
    }
    return total;
  }

  /** Each gateway looks through its own disk. */
  async #deleteOrphans(): Promise<number> {
    const { artifacts, jobStore, jobs } = this.#options;
    const before = Date.now() - ORPHAN_AGE_MS;
    let total = 0;
    let keys: string[] = [];
    const flush = async () => {
      // A first look without locks: nearly all of them are in use.
      const unused = await jobStore.transaction((transaction) => jobStore.unused(transaction, keys));
      keys = [];
      await jobs.deleteFiles(unused);
      total += unused.length;
    };
    for (const prefix of ['inputs', 'jobs']) {
      for await (const { key, modifiedAt } of artifacts.list(prefix)) {
        if (this.#stopping.signal.aborted) return total;
        if (modifiedAt.getTime() > before) continue;
        if (PARTIAL.test(key)) {
          await this.#deletePartial(key);
          total += 1;
          continue;
        }
        keys.push(key);
        if (keys.length === KEY_BATCH) await flush();
      }
    }
    if (keys.length > 0) await flush();
    return total;
  }

  /** Under the lock of the file it was to be: an upload keeps its age while it is moved there. */
  async #deletePartial(key: string): Promise<void> {
    const { artifacts, jobStore } = this.#options;
    await jobStore.transaction(async (transaction) => {
      await jobStore.lockKey(transaction, key.replace(PARTIAL, ''));
      await artifacts.delete(key);
    });
  }

  async #deleteWorkFolders(): Promise<number> {
    const { store, workRoot } = this.#options;
    const names = await readdir(workRoot).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const folders = names.flatMap((name) => {
      const id = WORK_FOLDER.exec(name)?.[1];
      return id === undefined ? [] : [{ name, id }];
    });
    let total = 0;
    for (let start = 0; start < folders.length && !this.#stopping.signal.aborted; start += KEY_BATCH) {
      const batch = folders.slice(start, start + KEY_BATCH);
      const unfinished = await store.unfinished(batch.map(({ id }) => id));
      for (const { name, id } of batch) {
        if (unfinished.has(id)) continue;
        await rm(join(workRoot, name), { recursive: true, force: true, maxRetries: 3 });
        total += 1;
      }
    }
    return total;
  }
}

async function readIfThere(artifacts: ArtifactStore, key: string): Promise<string | undefined> {
  try {
    return await text(await artifacts.get(key));
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'artifact_not_found') return undefined;
    throw error;
  }
}
