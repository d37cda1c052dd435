/** Takes jobs from the queue and brings them to an end, whatever happens to this process or to others. */
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobError, JobTask } from '../contract/jobs.ts';
import { GatewayError, toGatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { ArtifactRow, JobRow, JobStore } from '../store/jobs.ts';
import type { Notifications } from '../store/notifications.ts';
import type { ArtifactStore } from './artifacts.ts';
import type { InputSource } from './input-source.ts';
import type { JobHandler, JobOutcome, OutcomeFile } from './job-handler.ts';
import type { JobHooks } from './job-hooks.ts';
import { publicJobId } from './job-id.ts';
import { putManifest } from './manifest.ts';
import type { JobQueue, Taken } from './queue.ts';
import { ClaimLost, createWindowWriter, patiently } from './window-writer.ts';

export interface JobRunnerOptions {
  store: JobStore;
  queue: JobQueue;
  artifacts: ArtifactStore;
  inputs: InputSource;
  notifications: Notifications;
  handlers: Record<JobTask, JobHandler>;
  hooks: readonly JobHooks[];
  /** For files of running jobs. */
  workRoot: string;
  /** Attempts in a row that may end without a finished window. */
  maxFruitlessAttempts: number;
  version: string;
  /** No other gateway uses the database: what was in work when this one starts is nobody's. */
  alone: boolean;
  log: Logger;
}

interface Running {
  attempt: number;
  abort: AbortController;
}

/** What will pass by itself, and is not the job's doing: tried again as often as it takes. */
const NOT_ITS_FAULT = new Set([
  'model_loading',
  'server_is_overloaded',
  'insufficient_memory',
  'shutting_down',
  'database_unavailable',
]);

/** The server's own, and another attempt would end alike: somebody has to do something first. */
const DOES_NOT_PASS = new Set(['job_given_up', 'insufficient_storage', 'hub_access_denied', 'hub_not_found']);

export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #running = new Map<string, Running>();
  readonly #stopping = new AbortController();
  #unsubscribe: (() => void) | undefined;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await mkdir(this.#options.workRoot, { recursive: true, mode: 0o700 });
    if (this.#options.alone) await this.#options.queue.release(await this.#options.store.running());
    this.#unsubscribe = this.#options.notifications.subscribe((id) => void this.#recheck(id));
    await this.#options.queue.work((taken) => this.#attempt(taken));
  }

  /** Gives the jobs in work back to the queue; another gateway, or the next start, goes on with them. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    await this.#options.queue.pause();
    this.#stopping.abort(shuttingDown());
    while (this.#running.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** @throws to give the entry back to the queue. */
  async #attempt(taken: Taken): Promise<void> {
    const { store, maxFruitlessAttempts } = this.#options;
    const job = await patiently(() => store.transaction((transaction) => store.claim(transaction, taken.jobId)));
    if (job === undefined) return;
    const abort = new AbortController();
    this.#running.set(job.id, { attempt: job.attempt, abort });
    const signal = AbortSignal.any([abort.signal, taken.signal, this.#stopping.signal]);
    const startedAt = performance.now();
    try {
      if (job.fruitless_attempts > maxFruitlessAttempts) throw givenUp(job.fruitless_attempts - 1);
      const { current, outcome } = await this.#compute(job, signal, abort);
      await this.#succeed(current, taken, outcome, secondsSince(startedAt));
      await this.#forget(job.id);
    } catch (thrown) {
      const error = signal.aborted ? signal.reason : thrown;
      if (error instanceof ClaimLost) return;
      const failure = toGatewayError(error);
      if (this.#isFinal(failure)) {
        await this.#fail(job, taken, failure, secondsSince(startedAt));
        await this.#forget(job.id);
        return;
      }
      await this.#giveBack(job, failure, secondsSince(startedAt));
      throw failure;
    } finally {
      // A retry may have begun meanwhile.
      if (this.#running.get(job.id)?.abort === abort) this.#running.delete(job.id);
    }
  }

  async #compute(job: JobRow, signal: AbortSignal, abort: AbortController) {
    const { store, handlers, inputs, workRoot } = this.#options;
    const { path: inputPath, job: current } = await inputs.ensure(job, signal);
    const workDir = join(workRoot, job.id);
    await mkdir(workDir, { recursive: true, mode: 0o700 });
    const windows = job.position === null ? [] : await store.windows(job.id);
    const claim = { id: job.id, attempt: job.attempt };
    const writer = createWindowWriter(store, claim, current.audio_seconds, {
      onLost: (error) => abort.abort(error),
      stopping: this.#stopping.signal,
    });
    try {
      const outcome = await handlers[job.task]({
        job: current,
        inputPath,
        workDir,
        checkpoint: windows.length === 0 ? undefined : { windows, position: job.position },
        signal,
        saveWindow: (window) => writer.save(window),
        placed: ({ device }) => writer.place(device),
        enterStage: (stage, done) => writer.enter(stage, done),
      });
      await writer.flush();
      return { current, outcome };
    } catch (error) {
      // What was finished before it went wrong counts, and is written under this claim or never.
      await writer.flush().catch(() => {});
      throw error;
    }
  }

  async #succeed(job: JobRow, taken: Taken, outcome: JobOutcome, seconds: number): Promise<void> {
    const { store, queue, artifacts, hooks, version: softwareVersion } = this.#options;
    const { stageKey: ofResult } = outcome;
    const result = { contentType: 'application/json', content: JSON.stringify(outcome.result), stageKey: ofResult };
    const contents: OutcomeFile[] = [{ name: 'result.json', ...result }, ...outcome.files];
    const done = { ...job, audio_seconds: outcome.audioSeconds };
    const kept: ArtifactRow[] = [];
    for (const { name, contentType, content, stageKey: stage_key = null } of contents) {
      // Of this attempt alone: a competitor's file is not overwritten.
      const key = `jobs/${job.id}/${job.attempt}-${name}`;
      const source = typeof content === 'string' ? content : createReadStream(content.path);
      const stored = await artifacts.put(key, source);
      kept.push({ job_id: job.id, name, key, content_type: contentType, stage_key, ...stored });
    }
    const { provenance } = outcome;
    const manifest = await putManifest(artifacts, { job: done, provenance, outputs: kept, softwareVersion });
    await patiently(() =>
      store.transaction(async (transaction) => {
        const claim = { id: job.id, attempt: job.attempt };
        const held = await store.update(transaction, claim, {
          audio_seconds: outcome.audioSeconds,
          processed_seconds: outcome.audioSeconds,
          compute_seconds: job.compute_seconds + seconds,
          request_key: outcome.requestKey ?? null,
          position: null,
        });
        if (held === undefined) throw new ClaimLost();
        await store.addArtifacts(transaction, [...kept, manifest]);
        const ended = await store.end(transaction, job.id, 'succeeded');
        await queue.complete(transaction, taken);
        const names = kept.map(({ name }) => name);
        const others = [];
        for (const follower of await store.followers(transaction, job.id)) {
          await store.copyArtifacts(transaction, job.id, follower.id, names);
          const own = { ...follower, audio_seconds: outcome.audioSeconds };
          await store.addArtifacts(transaction, [
            await putManifest(artifacts, {
              job: own,
              provenance: undefined,
              outputs: kept,
              takenFrom: publicJobId(job.id),
              softwareVersion,
            }),
          ]);
          others.push(
            await store.end(transaction, follower.id, 'succeeded', {
              cached: true,
              audioSeconds: outcome.audioSeconds,
            }),
          );
        }
        // Last, since the audit log is everybody's.
        for (const row of [ended, ...others]) {
          if (row !== undefined) for (const hook of hooks) await hook.ended?.(transaction, row);
        }
      }),
    );
  }

  async #fail(job: JobRow, taken: Taken, failure: GatewayError, seconds: number): Promise<void> {
    const { store, queue, artifacts, hooks, log, version: softwareVersion } = this.#options;
    const error = toJobError(failure);
    const parts = { provenance: undefined, outputs: [], error, softwareVersion };
    // A full disk, for one, must not keep the job from ending.
    const manifest = await putManifest(artifacts, { job, ...parts }).catch((cause: unknown) => {
      log.error('a manifest could not be written', { job_id: job.id, cause });
      return undefined;
    });
    log.warn('job failed', { job_id: job.id, code: error.code, detail: failure.detail, cause: failure.cause });
    await patiently(() =>
      store.transaction(async (transaction) => {
        const claim = { id: job.id, attempt: job.attempt };
        const held = await store.update(transaction, claim, { compute_seconds: job.compute_seconds + seconds });
        if (held === undefined) throw new ClaimLost();
        if (manifest !== undefined) await store.addArtifacts(transaction, [manifest]);
        const ended = [await store.end(transaction, job.id, 'failed', { error })];
        await queue.complete(transaction, taken);
        // An equal request fails equally.
        for (const { id } of await store.followers(transaction, job.id)) {
          ended.push(await store.end(transaction, id, 'failed', { error }));
        }
        for (const row of ended) if (row !== undefined) for (const hook of hooks) await hook.ended?.(transaction, row);
      }),
    ).catch((thrown: unknown) => {
      if (!(thrown instanceof ClaimLost)) throw thrown;
    });
  }

  async #giveBack(job: JobRow, failure: GatewayError, seconds: number): Promise<void> {
    const { store, log } = this.#options;
    log.info('job goes back to the queue', { job_id: job.id, attempt: job.attempt, code: failure.code });
    const excused = NOT_ITS_FAULT.has(failure.code);
    await store
      .transaction(async (transaction) => {
        const claim = { id: job.id, attempt: job.attempt };
        const current = await store.update(transaction, claim, {
          compute_seconds: job.compute_seconds + seconds,
          status: 'queued',
          ...(excused ? { fruitless_attempts: Math.max(0, job.fruitless_attempts - 1) } : {}),
        });
        if (current === undefined) return;
        await store.addEvent(transaction, job.id, { type: 'job.status', status: 'queued', error: null });
      })
      // The claim ends without it as well.
      .catch((error: unknown) =>
        log.debug('job could not be marked as queued', { job_id: job.id, reason: String(error) }),
      );
  }

  /** A job that was cancelled, deleted or taken over, here or by another gateway, is let go. */
  async #recheck(id: string | undefined): Promise<void> {
    const ids = id === undefined ? [...this.#running.keys()] : [id];
    for (const each of ids) {
      const running = this.#running.get(each);
      if (running === undefined) continue;
      const job = await this.#options.store.find(each).catch(() => 'unknown' as const);
      if (job === 'unknown') continue;
      if (job?.status !== 'running' || job.attempt !== running.attempt) running.abort.abort(new ClaimLost());
    }
  }

  #isFinal({ status, code }: GatewayError): boolean {
    return (status < 500 && code !== 'client_closed_request') || DOES_NOT_PASS.has(code);
  }

  async #forget(id: string): Promise<void> {
    await rm(join(this.#options.workRoot, id), { recursive: true, force: true, maxRetries: 3 });
  }
}

function toJobError({ code, message, param }: GatewayError): JobError {
  return { code, message, param: param ?? null };
}

function givenUp(attempts: number): GatewayError {
  return new GatewayError('job_given_up', {
    message: `The job was begun ${attempts} times, and each time what worked on it ended before a part of it was done.`,
  });
}

function shuttingDown(): GatewayError {
  return new GatewayError('shutting_down', { message: 'The server is shutting down.', retryAfterSeconds: 1 });
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
