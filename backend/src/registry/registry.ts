/** Owner of every model's files and replicas: services ask it to run a request, it brings the model up first. */
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../abortable.ts';
import type { AdminModel, AdminModelStatus } from '../contract/admin.ts';
import { GatewayError, toGatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RunInput, Task, Tasks } from '../models/define-model.ts';
import { WorkerProcess } from '../worker/worker-process.ts';
import type { Catalog, CatalogEntry } from './catalog.ts';
import { chooseDtype } from './choose-dtype.ts';
import { ModelFiles, type ModelHub, type PresentFiles } from './model-files.ts';
import { identifyModel, type ModelIdentity } from './model-identity.ts';
import { noSuchModel, requireUnused } from './model-use.ts';
import type { Quarantine } from './quarantine.ts';
import { LostRun, Replica } from './replica.ts';

export interface RegistryOptions {
  catalog: Catalog;
  hub: ModelHub;
  quarantine: Quarantine;
  log: Logger;
  /** Module the workers import the families from. */
  modelListUrl: string;
  workerEnvironment: Record<string, string>;
  tools: { ffmpegPath: string; ffprobePath: string };
  autoDownload: boolean;
  coldStartWaitMs: number;
  idleTimeoutMs: number;
  requestTimeoutMs: number;
  maxQueuePerReplica: number;
  /** Fixed threads per CPU replica; undefined divides the cores among the replicas that run. */
  threadsPerReplica: number | undefined;
  cores: number;
}

export interface RegistryRequest<T extends Task> {
  input: RunInput;
  params: Tasks[T]['params'];
  signal: AbortSignal;
  /** Left out when the caller gets nothing before the result: then a crash may be retried whatever was emitted. */
  onEvent?(event: Tasks[T]['event']): void;
  /** Events may come once more: a crash is retried whatever was emitted. */
  mayRepeatEvents?: boolean | undefined;
  /** Background work: `requestTimeoutMs` does not hold for it. */
  unlimited?: boolean | undefined;
}

interface Entry extends CatalogEntry {
  files: ModelFiles;
  replica: Replica;
  /** Requests admitted and not answered yet. */
  pending: number;
  /** Mean milliseconds a request spends in the worker, for Retry-After. */
  meanRunMs: number;
  present: PresentFiles | undefined;
  identity: { of: PresentFiles; made: Promise<ModelIdentity> } | undefined;
  /** Set for a model that must stay loaded: when it is tried again after a failure. */
  preload: { delayMs: number; timer: NodeJS.Timeout | undefined } | undefined;
  rev: number;
}

/** Pauses between tries to bring back a preloaded model: 1 s, 2 s … 60 s. */
const PRELOAD_RETRY_MIN_MS = 1_000;
const PRELOAD_RETRY_MAX_MS = 60_000;

export type RegistryListener = (model: AdminModel) => void;

export class ModelRegistry {
  readonly #options: RegistryOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<RegistryListener>();
  #rev = 0;
  #closing = false;
  /** Aborted when a stop has waited long enough for running requests. */
  readonly #cut = new AbortController();

  constructor(options: RegistryOptions) {
    this.#options = options;
    for (const item of options.catalog.entries) this.#entries.set(item.definition.id, this.#createEntry(item));
  }

  /** Looks for the files of every model on disk, so that states are true from the first answer on. */
  async open(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ files }) => files.find()));
  }

  /**
   * Runs one request on the named model (id or alias).
   * @throws model_not_found, server_is_overloaded, model_loading, model_not_downloaded, worker_crashed,
   * audio_quarantined, request_timeout, client_closed_request, shutting_down, and what the pipeline throws.
   */
  async run<T extends Task>(task: T, name: string, request: RegistryRequest<T>): Promise<Tasks[T]['result']> {
    const entry = this.resolve(name, task);
    if (this.#closing) throw shuttingDown();
    this.#admit(entry);
    entry.pending += 1;
    const work = (async () => {
      await this.#ensureReady(entry, request.signal);
      return await this.#runWithRetry(entry, request);
    })();
    try {
      // The family's task equals `task` (resolve checked it), so the result is this task's.
      return (await abortable(work, this.#cut.signal)) as Tasks[T]['result'];
    } catch (error) {
      throw this.#cut.signal.aborted ? shuttingDown() : error;
    } finally {
      entry.pending -= 1;
      this.#touch(entry);
    }
  }

  /** @throws model_not_found; unsupported_value when the model serves another task. */
  resolve(name: string, task: Task): Entry {
    const found = this.#options.catalog.find(name);
    const entry = found && this.#entries.get(found.definition.id);
    if (entry === undefined) {
      throw new GatewayError('model_not_found', {
        message: `The model '${name}' does not exist. GET /v1/models lists the models of this server.`,
        param: 'model',
      });
    }
    if (entry.family.task !== task) {
      throw new GatewayError('unsupported_value', {
        message: `The model '${name}' serves ${entry.family.task}, not ${task}.`,
        param: 'model',
      });
    }
    return entry;
  }

  /** What the model's results depend on; undefined while its files are not here. @throws as `resolve` */
  async identify(name: string, task: Task): Promise<ModelIdentity | undefined> {
    const entry = this.resolve(name, task);
    const present = entry.present ?? (await entry.files.find());
    if (present === undefined) return undefined;
    // A snapshot does not change: its hashes are read once.
    if (entry.identity?.of !== present) {
      const { definition, dtype, replica } = entry;
      entry.identity = { of: present, made: identifyModel(definition, present, dtype, replica.device) };
    }
    return entry.identity.made;
  }

  /**
   * Loads models, keeps them loaded, and brings them back when they fail: readiness depends on them.
   * @throws Error naming an id that is no model.
   */
  preload(ids: readonly string[] | 'present'): void {
    const entries =
      ids === 'present'
        ? [...this.#entries.values()].filter(({ files }) => files.state === 'present')
        : ids.map((id) => this.#known(id));
    for (const entry of entries) {
      entry.preload = { delayMs: PRELOAD_RETRY_MIN_MS, timer: undefined };
      void this.#load(entry, entry.preload);
    }
  }

  /** Ids of the models that were to be preloaded and are not ready. */
  get missingPreloads(): string[] {
    return [...this.#entries.values()]
      .filter(({ preload, replica }) => preload !== undefined && replica.state !== 'ready')
      .map(({ definition }) => definition.id);
  }

  describe(name: string): AdminModel | undefined {
    const found = this.#options.catalog.find(name);
    const entry = found && this.#entries.get(found.definition.id);
    return entry && describeEntry(entry);
  }

  list(): AdminModel[] {
    return [...this.#entries.values()].map(describeEntry);
  }

  /** @returns the function that ends the subscription. */
  onChange(listener: RegistryListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lets running requests finish for `graceMs`, refuses those left, then stops every download and worker. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const deadline = Date.now() + graceMs;
    const entries = [...this.#entries.values()];
    while (Date.now() < deadline && entries.some(({ pending }) => pending > 0)) await sleep(20);
    this.#cut.abort();
    for (const { preload } of entries) clearTimeout(preload?.timer);
    await Promise.all(entries.flatMap(({ files, replica }) => [files.abort(), replica.close()]));
  }

  // For operators: files and registered models (services/model-admin.ts).

  /** Starts the download, whatever `autoDownload` says. @throws model_not_found, shutting_down */
  async download(name: string): Promise<AdminModel> {
    const entry = this.#named(name);
    await entry.files.startDownload();
    return describeEntry(entry);
  }

  /** @throws model_not_found */
  async cancelDownload(name: string): Promise<AdminModel> {
    const entry = this.#named(name);
    await entry.files.abort();
    return describeEntry(entry);
  }

  /** @returns bytes deleted. @throws model_not_found, model_in_use, model_files_elsewhere */
  async deleteFiles(name: string): Promise<number> {
    const entry = this.#named(name);
    requireUnused(describeEntry(entry), entry.pending);
    entry.present = undefined;
    const others = [...this.#entries.values()].filter((other) => other !== entry);
    return await entry.files.delete(others.flatMap(({ files }) => files.needed));
  }

  /** @throws model_exists */
  async add(item: CatalogEntry): Promise<AdminModel> {
    const entry = this.#createEntry(this.#options.catalog.add(item));
    this.#entries.set(item.definition.id, entry);
    await entry.files.find();
    this.#touch(entry);
    return describeEntry(entry);
  }

  /** @returns what `add` would take. @throws model_not_found, model_in_use, model_is_built_in */
  remove(name: string): CatalogEntry {
    const entry = this.#named(name);
    const { id } = entry.definition;
    const removed = this.#options.catalog.requireRemovable(id);
    requireUnused(describeEntry(entry), entry.pending, entry.preload !== undefined);
    this.#options.catalog.remove(id);
    this.#entries.delete(id);
    return removed;
  }

  #named(name: string): Entry {
    const found = this.#options.catalog.find(name);
    const entry = found && this.#entries.get(found.definition.id);
    if (entry === undefined) throw noSuchModel(name);
    if (this.#closing) throw shuttingDown();
    return entry;
  }

  #createEntry(item: CatalogEntry): Entry {
    const device = 'cpu';
    const chosen = chooseDtype(item.definition, device, item.dtype);
    const { definition } = chosen;
    const id = `${definition.id}#0`;
    const onChange = () => {
      this.#touch(entry);
      this.#reload(entry);
    };
    const entry: Entry = {
      family: item.family,
      definition,
      ...(chosen.dtype === undefined ? {} : { dtype: chosen.dtype }),
      files: new ModelFiles(definition, this.#options.hub, onChange),
      replica: new Replica({
        id,
        device,
        concurrency: definition.concurrency,
        idleTimeoutMs: this.#options.idleTimeoutMs,
        requestTimeoutMs: this.#options.requestTimeoutMs,
        createWorker: () => this.#createWorker(entry),
        log: this.#options.log.child({ model: definition.id }),
        isPinned: () => entry.preload !== undefined,
        onChange,
      }),
      pending: 0,
      meanRunMs: 1_000,
      present: undefined,
      identity: undefined,
      preload: undefined,
      rev: 0,
    };
    return entry;
  }

  async #load(entry: Entry, preload: NonNullable<Entry['preload']>): Promise<void> {
    try {
      entry.present = await entry.files.ensurePresent(this.#options.autoDownload, NEVER);
      await entry.replica.ensureReady();
      preload.delayMs = PRELOAD_RETRY_MIN_MS;
    } catch (error) {
      if (this.#closing) return;
      const { message } = toGatewayError(error);
      this.#options.log.error('model could not be preloaded', { model: entry.definition.id, error: message });
      this.#reload(entry);
    }
  }

  /** Tries a preloaded model again that is not loaded and not being loaded, with growing pauses. */
  #reload(entry: Entry): void {
    const { preload, replica } = entry;
    const isDown = replica.state === 'stopped' || replica.state === 'failed';
    if (preload === undefined || preload.timer !== undefined || !isDown || this.#closing) return;
    preload.timer = setTimeout(() => {
      preload.timer = undefined;
      void this.#load(entry, preload);
    }, preload.delayMs);
    preload.timer.unref();
    preload.delayMs = Math.min(PRELOAD_RETRY_MAX_MS, 2 * preload.delayMs);
  }

  #createWorker(entry: Entry): WorkerProcess {
    const { definition, present } = entry;
    if (present === undefined) throw new Error(`${definition.id}: worker asked for before its files`);
    return new WorkerProcess({
      load: {
        modelListUrl: this.#options.modelListUrl,
        modelId: definition.id,
        registered: this.#options.catalog.registration(definition.id),
        dtype: entry.dtype,
        snapshotDir: present.main.dir,
        auxiliaryDirs: Object.fromEntries(Object.entries(present.auxiliary).map(([role, { dir }]) => [role, dir])),
        derivedDir: join(dirname(dirname(present.main.dir)), 'derived', present.main.commit),
        device: entry.replica.device,
        threads: this.#options.threadsPerReplica ?? this.#threadShare(),
        ...this.#options.tools,
      },
      environment: this.#options.workerEnvironment,
      log: this.#options.log.child({ model: definition.id }),
    });
  }

  /** Cores divided by the CPU replicas that run, this one included. */
  #threadShare(): number {
    const others = [...this.#entries.values()].filter(({ replica }) => replica.state === 'ready').length;
    return Math.max(1, Math.floor(this.#options.cores / (others + 1)));
  }

  /** @throws server_is_overloaded when as many requests wait as may. */
  #admit(entry: Entry): void {
    const limit = entry.definition.concurrency + this.#options.maxQueuePerReplica;
    if (entry.pending < limit) return;
    const seconds = (entry.meanRunMs * entry.pending) / entry.definition.concurrency / 1000;
    throw new GatewayError('server_is_overloaded', {
      message: `The model '${entry.definition.id}' has ${entry.pending} requests in progress or waiting, which is its limit. Try again shortly.`,
      retryAfterSeconds: Math.min(60, Math.max(1, Math.ceil(seconds))),
    });
  }

  /** Files on disk, replica ready; the waiting is bounded, the work is not: it goes on for the next request. */
  async #ensureReady(entry: Entry, signal: AbortSignal): Promise<void> {
    if (entry.present !== undefined && entry.replica.state === 'ready') return;
    const work = (async () => {
      entry.present = await entry.files.ensurePresent(this.#options.autoDownload, NEVER);
      await entry.replica.ensureReady();
    })();
    work.catch(() => {});
    const patience = AbortSignal.timeout(this.#options.coldStartWaitMs);
    const waiting = AbortSignal.any([signal, patience]);
    try {
      await abortable(work, waiting);
    } catch (error) {
      if (patience.aborted && !signal.aborted) throw stillLoading(entry);
      throw error;
    }
  }

  async #runWithRetry(entry: Entry, request: RegistryRequest<Task>): Promise<Tasks[Task]['result']> {
    const version = `${entry.definition.id}@${entry.present?.main.commit ?? entry.definition.revision}`;
    const { audioPath } = request.input;
    await this.#options.quarantine.check(version, audioPath);
    let sent = false;
    const attempt = async (alone: boolean) => {
      const startedAt = Date.now();
      try {
        const result = await entry.replica.run({
          input: request.input,
          params: request.params,
          signal: request.signal,
          alone,
          unlimited: request.unlimited,
          onEvent: (event) => {
            sent ||= request.onEvent !== undefined && request.mayRepeatEvents !== true;
            request.onEvent?.(event);
          },
        });
        entry.meanRunMs = 0.9 * entry.meanRunMs + 0.1 * (Date.now() - startedAt);
        return result;
      } catch (error) {
        if (error instanceof LostRun && error.blamesInput) await this.#options.quarantine.strike(version, audioPath);
        throw error;
      }
    };
    try {
      return await attempt(false);
    } catch (error) {
      if (!(error instanceof LostRun)) throw error;
      if (sent || request.signal.aborted) throw crashed(error);
    }
    try {
      await this.#options.quarantine.check(version, audioPath);
      return await attempt(true);
    } catch (error) {
      throw error instanceof LostRun ? crashed(error) : error;
    }
  }

  #known(id: string): Entry {
    const found = this.#options.catalog.find(id);
    const entry = found && this.#entries.get(found.definition.id);
    if (entry === undefined) throw new Error(`PRELOAD_MODELS names "${id}", which is no model`);
    return entry;
  }

  #touch(entry: Entry): void {
    this.#rev += 1;
    entry.rev = this.#rev;
    if (this.#listeners.size === 0) return;
    const model = describeEntry(entry);
    for (const listener of this.#listeners) listener(model);
  }
}

const NEVER = new AbortController().signal;

function describeEntry({ family, definition, files, replica, rev }: Entry): AdminModel {
  return {
    id: definition.id,
    object: 'model',
    rev,
    status: statusOf(files, replica),
    task: family.task,
    family: family.family,
    repo: definition.repo,
    revision: definition.revision,
    license: definition.license,
    languages: [...definition.languages],
    published: definition.published ?? null,
    memory_estimate_bytes: definition.memory.estimateBytes,
    files: files.describe(),
    replicas: [replica.describe()],
  };
}

function statusOf(files: ModelFiles, replica: Replica): AdminModelStatus {
  if (replica.state === 'ready' || replica.state === 'failed') return replica.state;
  if (replica.state === 'starting') return 'loading';
  return files.state === 'present' ? 'downloaded' : files.state;
}

function stillLoading({ definition, files }: Entry): GatewayError {
  const { bytes, totalBytes } = files.progress;
  const doing = files.state === 'downloading' ? `downloading (${bytes} of ${totalBytes} bytes)` : 'loading';
  return new GatewayError('model_loading', {
    message: `The model '${definition.id}' is still ${doing}. Try again in a moment.`,
    retryAfterSeconds: 10,
    extra: { progress: { state: files.state, bytes, total_bytes: totalBytes } },
  });
}

function shuttingDown(): GatewayError {
  return new GatewayError('shutting_down', { message: 'The server is shutting down.', retryAfterSeconds: 1 });
}

function crashed(cause: LostRun): GatewayError {
  return new GatewayError('worker_crashed', {
    message: 'The model process ended while it worked on this request. Other requests are not affected.',
    cause,
  });
}
