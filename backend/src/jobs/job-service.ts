/** What callers do with jobs: ask for one, look at it, cancel it, delete it. Each sees its own only. */
import type { Readable } from 'node:stream';
import type { JobGlance } from '../contract/admin.ts';
import type { Job, JobArtifact, JobEvent, JobStatus, JobTask, JobTrace } from '../contract/jobs.ts';
import { GatewayError } from '../errors.ts';
import type { ArtifactRow, JobRow, JobStore } from '../store/jobs.ts';
import type { Notifications } from '../store/notifications.ts';
import type { ArtifactStore } from './artifacts.ts';
import { inputKey } from './input-key.ts';
import type { JobHooks } from './job-hooks.ts';
import { jobUuid, publicJobId } from './job-id.ts';
import { traceJob } from './job-trace.ts';
import type { JobQueue } from './queue.ts';

export type { JobRow };

/** Whose jobs somebody may look at: of one key, or of all for the routes of admins. */
export const ANY_OWNER = Symbol('any owner');
export type Viewer = string | typeof ANY_OWNER;

export interface JobRequest {
  owner: string;
  task: JobTask;
  /** Id in the catalog. */
  model: string;
  /** Plain JSON, for the task's handler and whoever renders its result. */
  request: unknown;
  input:
    | { path: string; bytes: number; sha256: string; name: string | undefined; seconds: number | undefined }
    | { url: string };
  /** See `JobTable.request_key`. */
  requestKey: string | undefined;
  mayReuse: boolean;
  idempotency: { key: string; fingerprint: string } | undefined;
  metadata: Record<string, string>;
  webhookUrl: string | undefined;
  priority: number;
  /** Id of the HTTP request that goes on as this job. */
  takesOver?: string | undefined;
  /** Windows that are computed already. */
  begun?: { windows: readonly { index: number; window: unknown; end: number }[]; position: unknown } | undefined;
}

export interface JobPage {
  limit: number;
  order: 'asc' | 'desc';
  after: string | undefined;
  status: JobStatus[] | undefined;
  task: JobTask | undefined;
  model: string | undefined;
  /** Unix seconds. */
  createdAfter: number | undefined;
  createdBefore: number | undefined;
  text: string | undefined;
  /** Id of the key; for viewers of all. */
  key: string | undefined;
}

export interface JobServiceOptions {
  store: JobStore;
  queue: JobQueue;
  artifacts: ArtifactStore;
  notifications: Notifications;
  hooks: readonly JobHooks[];
  /** Jobs that are computed at a time, for estimates. */
  concurrency: number;
  /** Files the manifest of a job that computes nothing needs are written by. */
  putManifest(job: JobRow, outputs: readonly ArtifactRow[], takenFrom?: string): Promise<ArtifactRow>;
}

const MANIFEST = 'manifest.json';
/** Of files that are made for the caller's page and are no result: they go with the job, and are not listed. */
const OUTLINE = '.outline';

export class JobService {
  readonly #options: JobServiceOptions;
  /** undefined: not known. */
  #hasJobs: boolean | undefined;

  constructor(options: JobServiceOptions) {
    this.#options = options;
    // Whatever happens to a job, there is one; after a silence it has to be looked up.
    options.notifications.subscribe((id) => {
      this.#hasJobs = id === undefined ? undefined : true;
    });
  }

  /**
   * The job is durable when this resolves, its audio with it.
   * @throws idempotency_key_reused, insufficient_storage, database_unavailable, and what the hooks refuse with.
   */
  async submit(request: JobRequest): Promise<JobRow> {
    const { store, queue, artifacts, hooks } = this.#options;
    const { owner, input, idempotency, requestKey } = request;
    this.#hasJobs = true;
    return store.transaction(async (transaction) => {
      if (idempotency !== undefined) {
        const known = await store.findIdempotent(transaction, owner, idempotency.key);
        if (known !== undefined) {
          if (known.fingerprint !== idempotency.fingerprint) throw keyReused();
          const job = await store.find(known.job_id, transaction);
          if (job !== undefined) return job;
        }
      }
      const equal =
        requestKey === undefined || !request.mayReuse ? undefined : await store.findEqual(transaction, requestKey);
      let inputColumns = {};
      if ('url' in input) inputColumns = { url: input.url };
      else {
        const key = inputKey(owner, input.sha256);
        await store.lockKey(transaction, key);
        await artifacts.putFile(key, input.path);
        inputColumns = {
          input_key: key,
          input_sha256: input.sha256,
          input_bytes: input.bytes,
          input_name: input.name ?? null,
          audio_seconds: input.seconds ?? null,
        };
      }
      const job = await store.insert(transaction, {
        owner,
        task: request.task,
        model: request.model,
        priority: request.priority,
        request: request.request,
        metadata: request.metadata,
        webhook_url: request.webhookUrl ?? null,
        request_key: requestKey ?? null,
        may_reuse: request.mayReuse,
        leader: equal !== undefined && equal.status !== 'succeeded' ? equal.id : null,
        ...inputColumns,
      });
      if (idempotency !== undefined) {
        await store.noteIdempotent(transaction, { owner, ...idempotency, job_id: job.id });
      }
      if (request.begun !== undefined) await store.addBegun(transaction, job.id, request.begun);
      if (equal === undefined) await queue.add(transaction, job.id, job.priority);
      const how = { takesOver: request.takesOver, isDone: equal?.status === 'succeeded' };
      for (const hook of hooks) await hook.created?.(transaction, job, how);
      if (equal?.status !== 'succeeded') return job;
      return this.#finishFrom(equal, job, transaction);
    });
  }

  /** @throws job_not_found: also for another owner's. */
  async get(viewer: Viewer, id: string): Promise<JobRow> {
    const uuid = jobUuid(id);
    const job = uuid === undefined ? undefined : await this.#options.store.find(uuid);
    if (job === undefined || (viewer !== ANY_OWNER && job.owner !== viewer)) throw notFound(id);
    return job;
  }

  async list(viewer: Viewer, page: JobPage): Promise<{ jobs: JobRow[]; hasMore: boolean }> {
    const after = page.after === undefined ? undefined : (await this.get(viewer, page.after)).id;
    const { key, ...filter } = page;
    const owner = viewer === ANY_OWNER ? key : viewer;
    return this.#options.store.list({ ...filter, owner, after });
  }

  /** A job whose result is, or will be, that of the request; its key is asked for only where there are jobs at all. */
  async findEqual(requestKey: () => Promise<string | undefined>): Promise<JobRow | undefined> {
    this.#hasJobs ??= await this.#options.store.hasJobs();
    if (!this.#hasJobs) return undefined;
    const key = await requestKey();
    return key === undefined ? undefined : this.#options.store.peekEqual(key);
  }

  /** Ends it at once, whether it waits or is worked on; what has been computed is lost. Over already: stays as it is. */
  async cancel(viewer: Viewer, id: string): Promise<JobRow> {
    const { store, hooks, putManifest } = this.#options;
    const job = await this.get(viewer, id);
    await store.transaction(async (transaction) => {
      const ended = await this.#end(transaction, job.id);
      if (ended === undefined) return;
      // A full disk, for one, must not keep the job from ending.
      const manifest = await putManifest(ended, []).catch(() => undefined);
      if (manifest !== undefined) await store.addArtifacts(transaction, [manifest]);
      for (const hook of hooks) await hook.ended?.(transaction, ended);
    });
    return this.get(viewer, id);
  }

  /**
   * Has one that failed or was cancelled done after all, under the same id. A failed one goes on behind what it has done.
   * @throws job_not_retryable, input_deleted, and what the hooks refuse with.
   */
  async retry(viewer: Viewer, id: string): Promise<JobRow> {
    const { store, queue, hooks } = this.#options;
    const job = await this.get(viewer, id);
    const unused = await store.transaction(async (transaction) => {
      const reopened = await store.reopen(transaction, job.id);
      if (reopened === undefined) throw notRetryable(id, job.status);
      if (reopened.input_key === null && reopened.url === null) throw inputDeleted();
      const left = (await store.artifacts([job.id], transaction)).filter((artifact) => !isOutline(artifact));
      const dropped = await store.dropArtifacts(
        transaction,
        job.id,
        left.map(({ name }) => name),
      );
      // Its entry of before is still there, as one that is done.
      await queue.remove(transaction, job.id);
      await queue.add(transaction, job.id, reopened.priority);
      const how = { takesOver: undefined, isDone: false, isRetry: true };
      for (const hook of hooks) await hook.created?.(transaction, reopened, how);
      return dropped;
    });
    await this.deleteFiles(unused);
    return this.get(viewer, id);
  }

  /** What was asked, and what became of it when. */
  async trace(job: JobRow): Promise<JobTrace> {
    const events = await this.#options.store.trace(job.id);
    return {
      object: 'job.trace',
      job_id: publicJobId(job.id),
      rev: job.rev,
      request: withoutVoiceprints(job.request),
      ...traceJob(job.task, events),
    };
  }

  /** As its handler stored them: of a job that runs, or failed. */
  windows(job: JobRow): Promise<unknown[]> {
    return this.#options.store.windows(job.id);
  }

  /** Cancels it if need be, then removes every trace but the audit log's: rows, audio, results. */
  async delete(viewer: Viewer, id: string): Promise<void> {
    await this.remove(await this.get(viewer, id));
  }

  async remove(job: JobRow): Promise<void> {
    const { store, hooks } = this.#options;
    const keys = await store.transaction(async (transaction) => {
      const ended = await this.#end(transaction, job.id);
      const unused = await store.delete(transaction, job.id);
      if (ended !== undefined) for (const hook of hooks) await hook.ended?.(transaction, ended);
      return unused;
    });
    await this.deleteFiles(keys);
  }

  /** Files that no job names any more. One that has come into use again stays. */
  async deleteFiles(keys: readonly string[]): Promise<void> {
    const { store, artifacts } = this.#options;
    for (const key of keys) {
      await store.transaction(async (transaction) => {
        await store.lockKey(transaction, key);
        if ((await store.unused(transaction, [key])).length === 1) await artifacts.delete(key);
      });
    }
  }

  async describe(jobs: readonly JobRow[]): Promise<Job[]> {
    const { store } = this.#options;
    const artifacts = Map.groupBy(await store.artifacts(jobs.map(({ id }) => id)), ({ job_id }) => job_id);
    const factors = new Map<string, number | undefined>();
    for (const { model, status } of jobs) {
      if ((status === 'queued' || status === 'running') && !factors.has(model)) {
        factors.set(model, await store.realTimeFactor(model));
      }
    }
    return Promise.all(jobs.map((job) => this.#describe(job, artifacts.get(job.id) ?? [], factors.get(job.model))));
  }

  /** Whosever they are, for operators: with what can be told without looking further. @param ids public */
  async glance(ids: readonly string[]): Promise<JobGlance[]> {
    const rows = await this.#options.store.glance(ids.flatMap((id) => jobUuid(id) ?? []));
    return rows.map((row) => ({ ...describeOutline(row), owner: row.owner, progress: progressOf(row, null) }));
  }

  async artifact(owner: string, id: string, name: string): Promise<ArtifactRow> {
    const job = await this.get(owner, id);
    const found = (await this.#options.store.artifacts([job.id])).find(
      (artifact) => artifact.name === name && !isOutline(artifact),
    );
    if (found === undefined) {
      throw new GatewayError('artifact_not_found', { message: `The job '${id}' has no artifact '${name}'.` });
    }
    return found;
  }

  /** What `keepOutline` was given. */
  async findOutline(job: JobRow, source: string): Promise<ArtifactRow | undefined> {
    const rows = await this.#options.store.artifacts([job.id]);
    return rows.find(({ name }) => name === source + OUTLINE);
  }

  /** Kept for as long as the job is. @throws job_not_found when it was deleted meanwhile. */
  async keepOutline(job: JobRow, source: string, content: Readable): Promise<ArtifactRow> {
    const { store, artifacts } = this.#options;
    const name = source + OUTLINE;
    const key = `jobs/${job.id}/${name}`;
    const row = { job_id: job.id, name, key, content_type: 'application/octet-stream' };
    const stored = { ...row, ...(await artifacts.put(key, content)) };
    if (await store.transaction((transaction) => store.keepArtifact(transaction, stored))) return stored;
    await this.deleteFiles([key]);
    throw notFound(publicJobId(job.id));
  }

  /** The job's events behind `after`, as they come; ends behind the last one of a finished job. */
  async *events(job: JobRow, after: number, signal: AbortSignal): AsyncGenerator<{ seq: number; event: JobEvent }> {
    const { store, notifications } = this.#options;
    let wake = Promise.withResolvers<void>();
    const unsubscribe = notifications.subscribe((id) => {
      if (id === undefined || id === job.id) wake.resolve();
    });
    const stop = () => wake.resolve();
    signal.addEventListener('abort', stop);
    try {
      for (let seen = after; !signal.aborted; ) {
        wake = Promise.withResolvers();
        const rows = await store.events(job.id, seen);
        for (const row of rows) {
          yield row;
          seen = row.seq;
        }
        const current = await store.find(job.id);
        if (current === undefined) return;
        const over = current.status !== 'queued' && current.status !== 'running';
        if (rows.length === 0 && over) return;
        if (rows.length === 0 && !signal.aborted) await wake.promise;
      }
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', stop);
    }
  }

  /** Resolves when the job is over, with its row; undefined when it was deleted. @throws the signal's reason */
  async waitFor(job: JobRow, signal: AbortSignal): Promise<JobRow | undefined> {
    for await (const _ of this.events(job, 0, signal)) signal.throwIfAborted();
    signal.throwIfAborted();
    return this.#options.store.find(job.id);
  }

  async #end(transaction: Parameters<JobStore['end']>[0], id: string): Promise<JobRow | undefined> {
    const { store, queue } = this.#options;
    const ended = await store.end(transaction, id, 'cancelled');
    if (ended === undefined) return undefined;
    await queue.remove(transaction, id);
    // The next of those that waited for its result computes it.
    const [first, ...others] = await store.followers(transaction, id);
    if (first !== undefined) {
      await store.follow(transaction, [first.id], null);
      await store.follow(
        transaction,
        others.map((other) => other.id),
        first.id,
      );
      await queue.add(transaction, first.id, first.priority);
    }
    return ended;
  }

  async #finishFrom(equal: JobRow, job: JobRow, transaction: Parameters<JobStore['end']>[0]): Promise<JobRow> {
    const { store, hooks, putManifest } = this.#options;
    const outputs = (await store.artifacts([equal.id], transaction)).filter(
      (artifact) => artifact.name !== MANIFEST && !isOutline(artifact),
    );
    await store.copyArtifacts(
      transaction,
      equal.id,
      job.id,
      outputs.map(({ name }) => name),
    );
    const known = { ...job, audio_seconds: equal.audio_seconds };
    await store.addArtifacts(transaction, [await putManifest(known, outputs, publicJobId(equal.id))]);
    const ended = await store.end(transaction, job.id, 'succeeded', {
      cached: true,
      audioSeconds: equal.audio_seconds,
    });
    if (ended === undefined) throw new Error('a job that was just made is over');
    for (const hook of hooks) await hook.ended?.(transaction, ended);
    return ended;
  }

  async #describe(job: JobRow, artifacts: readonly ArtifactRow[], factor: number | undefined): Promise<Job> {
    const id = publicJobId(job.id);
    const { store, concurrency } = this.#options;
    const rest = job.audio_seconds === null ? undefined : Math.max(0, job.audio_seconds - job.processed_seconds);
    const own = factor === undefined || rest === undefined ? undefined : rest * factor;
    let queue: Job['queue'] = null;
    if (job.status === 'queued') {
      const ahead = await store.ahead(job);
      const eta = own === undefined || factor === undefined ? null : (ahead.seconds * factor) / concurrency + own;
      queue = { position: ahead.jobs + 1, eta_seconds: eta === null ? null : tenths(eta) };
    }
    return {
      ...describeOutline(job),
      queue,
      progress: progressOf(job, job.status === 'running' && own !== undefined ? tenths(own) : null),
      attempts: job.attempt,
      input: { name: job.input_name, bytes: job.input_bytes, available: job.input_key !== null },
      metadata: job.metadata,
      artifacts: artifacts
        .filter((artifact) => !isOutline(artifact))
        .map(
          ({ name, content_type, bytes, sha256 }): JobArtifact => ({
            name,
            content_type,
            bytes,
            sha256,
            url: `/v1/jobs/${id}/artifacts/${name}`,
          }),
        ),
    };
  }
}

type Outline = Awaited<ReturnType<JobStore['glance']>>[number];

function describeOutline(job: Outline) {
  return {
    id: publicJobId(job.id),
    object: 'job' as const,
    rev: job.rev,
    task: job.task,
    status: job.status,
    model: job.model,
    created_at: seconds(job.created_at),
    started_at: job.started_at && seconds(job.started_at),
    finished_at: job.finished_at && seconds(job.finished_at),
    error: job.error,
    cached: job.cached,
  };
}

function progressOf(job: Outline, etaSeconds: number | null): Job['progress'] {
  return {
    processed_seconds: job.processed_seconds,
    total_seconds: job.audio_seconds,
    eta_seconds: etaSeconds,
    stage: job.status === 'running' ? job.stage : null,
    stage_done: job.status === 'running' ? job.stage_done : null,
  };
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function tenths(value: number): number {
  return Math.round(10 * value) / 10;
}

function withoutVoiceprints(request: unknown): unknown {
  return JSON.parse(JSON.stringify(request, (name, value) => (name === 'voiceprint' ? undefined : value)));
}

function notRetryable(id: string, status: JobStatus): GatewayError {
  return new GatewayError('job_not_retryable', {
    message: `The job '${id}' is ${status}; only one that failed or was cancelled can be tried again.`,
  });
}

function inputDeleted(): GatewayError {
  return new GatewayError('input_deleted', { message: 'The audio of this job has been deleted; send it again.' });
}

function isOutline({ name }: ArtifactRow): boolean {
  return name.endsWith(OUTLINE);
}

function notFound(id: string): GatewayError {
  return new GatewayError('job_not_found', { message: `The job '${id}' does not exist, or is not yours.` });
}

function keyReused(): GatewayError {
  return new GatewayError('idempotency_key_reused', {
    message:
      'This Idempotency-Key was used for another request in the last 24 hours. Send a new key with a new request.',
    param: 'Idempotency-Key',
  });
}
