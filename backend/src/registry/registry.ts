/** Owner of all models: services ask it to run a request, operators where models shall live. */
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../abortable.ts';
import type { AdminModel, AdminModelDetail, ReleaseProof } from '../contract/admin.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Task, Tasks } from '../models/define-model.ts';
import { WorkerProcess } from '../worker/worker-process.ts';
import { AUTO, type Catalog, type CatalogEntry } from './catalog.ts';
import { CPU, type Devices } from './devices.ts';
import { Footprints } from './footprints.ts';
import { type LicenseStore, Licenses } from './licenses.ts';
import type { FootprintStore, PreferenceStore } from './memory-types.ts';
import type { ModelHub } from './model-files.ts';
import type { ModelIdentity } from './model-identity.ts';
import { isBuiltIn, noSuchModel, requireUnused } from './model-use.ts';
import type { Plan } from './placement.ts';
import { PlacementRev } from './placement-rev.ts';
import { Placer } from './placer.ts';
import type { Quarantine } from './quarantine.ts';
import type { LoadOrder, RegistryRequest } from './registry-request.ts';
import { ServedModel, type WorkerOrder } from './served-model.ts';

export interface RegistryOptions {
  catalog: Catalog;
  hub: ModelHub;
  quarantine: Quarantine;
  devices: Devices;
  /** Which licences were confirmed. */
  licenses: LicenseStore;
  footprints: FootprintStore;
  preferences: PreferenceStore;
  log: Logger;
  /** Module the workers import the families from. */
  modelListUrl: string;
  workerEnvironment: Record<string, string>;
  tools: { ffmpegPath: string; ffprobePath: string };
  autoDownload: boolean;
  allowCpuFallback: boolean;
  coldStartWaitMs: number;
  idleTimeoutMs: number;
  requestTimeoutMs: number;
  loadTimeoutMs: number;
  hungAfterMs: number;
  maxQueuePerReplica: number;
  /** To be left free on every device. */
  memoryMarginBytes: number;
  /** Fixed threads per CPU replica; undefined divides the cores among the replicas that run. */
  threadsPerReplica: number | undefined;
  cores: number;
  /** Memory of a GPU that did not come back after a replica's end. */
  onResidue?: (residue: { replica: string; device: string; bytes: number }) => void;
}

export type RegistryListener = (model: AdminModel) => void;
export type ReleaseListener = (model: { id: string; rev: number; proof: ReleaseProof }) => void;
export type ProgressListener = (model: Pick<AdminModel, 'id' | 'rev' | 'files'>) => void;

export class ModelRegistry {
  readonly #options: RegistryOptions;
  readonly #models = new Map<string, ServedModel>();
  readonly #listeners = new Set<RegistryListener>();
  readonly #progressListeners = new Set<ProgressListener>();
  readonly #releaseListeners = new Set<ReleaseListener>();
  readonly #footprints: Footprints;
  readonly #placer: Placer;
  readonly #licenses: Licenses;
  readonly #placementRev: PlacementRev;
  #rev = 0;
  #closing = false;
  #stopWatching = () => {};
  /** Aborted when a stop has waited long enough for running requests. */
  readonly #cut = new AbortController();

  constructor(options: RegistryOptions) {
    this.#options = options;
    const { devices, log, memoryMarginBytes: marginBytes } = options;
    this.#licenses = new Licenses(options.licenses);
    this.#footprints = new Footprints(options.footprints, (error) => {
      log.warn('a footprint could not be stored', { reason: String(error) });
    });
    this.#placer = new Placer({
      devices,
      marginBytes,
      replicas: () => [...this.#models.values()].flatMap(({ replicas }) => replicas),
      onEvict: (replica, model) => log.info('replica unloaded to make room', { replica, model }),
    });
    this.#placementRev = new PlacementRev({ models: () => this.#models.values(), devices: () => devices.list() });
    for (const item of options.catalog.entries) this.#models.set(item.definition.id, this.#createModel(item));
  }

  /** Looks for the files of every model on disk, so that states are true from the first answer on. */
  async open(): Promise<void> {
    await this.#footprints.open();
    await this.#licenses.refresh();
    await Promise.all([...this.#models.values()].map(({ files }) => files.find()));
    for (const preference of await this.#options.preferences.read()) {
      this.#models.get(preference.model)?.restore(preference);
    }
    this.#stopWatching = this.#options.devices.onChange(() => this.#followDevices());
  }

  /**
   * Runs one request on the named model (id or alias).
   * @throws model_not_found, server_is_overloaded, model_loading, model_not_downloaded, worker_crashed, out_of_memory,
   * license_not_confirmed, insufficient_memory, device_unavailable, audio_quarantined, request_timeout, client_closed_request, shutting_down, and
   * what the pipeline throws.
   */
  async run<T extends Task>(task: T, name: string, request: RegistryRequest<T>): Promise<Tasks[T]['result']> {
    const model = this.resolve(name, task);
    if (this.#closing) throw shuttingDown();
    try {
      // The family's task equals `task` (resolve checked it), so the result is this task's.
      return (await abortable(model.run(request), this.#cut.signal)) as Tasks[T]['result'];
    } catch (error) {
      throw this.#cut.signal.aborted ? shuttingDown() : error;
    }
  }

  /** @throws model_not_found; unsupported_value when the model serves another task; license_not_confirmed. */
  resolve(name: string, task: Task): ServedModel {
    const model = this.require(name);
    if (model.task === task) {
      model.requireLicense();
      return model;
    }
    throw new GatewayError('unsupported_value', {
      message: `The model '${name}' serves ${model.task}, not ${task}.`,
      param: 'model',
    });
  }

  /** That the operator ordered of the model; 1 where nobody did. @throws model_not_found */
  replicasOf(name: string): number {
    return this.require(name).orderedReplicas;
  }

  /**
   * Id of the model for a task that is taken where none is named: of those whose files are here and that may be used, the
   * first that an operator loaded, else the first, a bundled one last; where there is none, the first. @throws model_not_found
   */
  firstOf(task: Task): string {
    const found = this.#first(task);
    if (found !== undefined) return found.id;
    throw new GatewayError('model_not_found', { message: `This server has no model for ${task}.`, param: 'model' });
  }

  /** By id or alias. @throws model_not_found */
  require(name: string): ServedModel {
    const model = this.#find(name);
    if (model !== undefined) return model;
    throw new GatewayError('model_not_found', {
      message: `The model '${name}' does not exist. GET /v1/models lists the models of this server.`,
      param: 'model',
    });
  }

  /** What the model's results depend on; undefined while its files are not here. @throws as `resolve` */
  identify(name: string, task: Task): Promise<ModelIdentity | undefined> {
    return this.resolve(name, task).identify();
  }

  /**
   * Loads models, keeps them loaded, and brings them back when they fail: readiness depends on them.
   * @throws Error naming an id that is no model.
   */
  preload(ids: readonly string[] | 'present'): void {
    const models =
      ids === 'present' ? [...this.#models.values()].filter(isDownloaded) : ids.map((id) => this.#known(id));
    for (const model of models) {
      if (model.mayBeUsed) model.keepLoaded();
      else this.#options.log.warn('not preloaded: its licence has not been confirmed', { model: model.id });
    }
  }

  /** As `preload`, and what was kept loaded before and is not named may end as any other. */
  keepPreloaded(ids: readonly string[] | 'present'): void {
    const named = (model: ServedModel) => (ids === 'present' ? isDownloaded(model) : ids.includes(model.id));
    for (const model of this.#models.values()) if (!named(model)) model.keepLoadedNoMore();
    this.preload(ids);
  }

  /** Ids of the models that were to be preloaded and are not ready. */
  get missingPreloads(): string[] {
    return [...this.#models.values()].filter(({ isMissing }) => isMissing).map(({ id }) => id);
  }

  /** Notes that its licence may be lived with, where that must be said; once. @throws model_not_found, shutting_down */
  async confirmLicense(name: string, confirmedBy: string): Promise<AdminModel> {
    const model = this.#named(name);
    await model.confirmLicense(confirmedBy);
    return model.describe();
  }

  /** Starts the download, whatever `autoDownload` says. @throws model_not_found, license_not_confirmed, shutting_down */
  async download(name: string): Promise<AdminModel> {
    const model = this.#named(name);
    model.requireLicense();
    await model.files.startDownload();
    return model.describe();
  }

  /** Stops a download that shall go on later. @throws model_not_found */
  async pauseDownload(name: string): Promise<AdminModel> {
    const model = this.#named(name);
    await model.stopDownload({ isPaused: true });
    return model.describe();
  }

  /** Resolves when it has ended, and what it fetched is deleted if it is to be. @throws model_not_found, model_files_elsewhere */
  async cancelDownload(name: string, { discard }: { discard: boolean }): Promise<AdminModel> {
    const model = this.#named(name);
    await model.stopDownload({ isPaused: false });
    if (discard) await model.discardDownload(this.#neededByOthers(model));
    return model.describe();
  }

  /** @returns bytes deleted. @throws model_not_found, model_in_use, model_is_built_in, model_files_elsewhere */
  async deleteFiles(name: string): Promise<number> {
    const model = this.#named(name);
    if (model.isBundled) throw isBuiltIn(model.id, 'its files cannot be deleted');
    requireUnused(model.describe(), model.pending);
    return await model.deleteFiles(this.#neededByOthers(model));
  }

  /** @throws model_exists */
  async add(item: CatalogEntry): Promise<AdminModel> {
    const model = this.#createModel(this.#options.catalog.add(item));
    this.#models.set(model.id, model);
    await model.files.find();
    this.#touch(model);
    return model.describe();
  }

  /** @returns what `add` would take. @throws model_not_found, model_in_use, model_is_built_in */
  remove(name: string): CatalogEntry {
    const model = this.#named(name);
    const removed = this.#options.catalog.requireRemovable(model.id);
    requireUnused(model.describe(), model.pending, model.isKeptLoaded);
    this.#options.catalog.remove(model.id);
    this.#models.delete(model.id);
    return removed;
  }

  /** What loading a model so would do. @throws model_not_found, invalid_value */
  plan(name: string, order: LoadOrder): Plan {
    return this.require(name).plan(order);
  }

  /** Loads a model where the operator says, now and at later starts. @throws as `ServedModel.load`, and model_not_found, license_not_confirmed */
  async load(name: string, order: LoadOrder): Promise<AdminModel> {
    const model = this.require(name);
    model.requireLicense();
    await model.load(order, (preference) => this.#options.preferences.save(preference));
    return model.describe();
  }

  /** @throws model_not_found */
  async unload(name: string, options: { force: boolean }): Promise<AdminModel> {
    const model = this.require(name);
    await this.#options.preferences.remove(model.id);
    await model.unload(options);
    return model.describe();
  }

  /** Something else is known of a repository. */
  noteRepository(repo: string): void {
    for (const model of this.#models.values()) if (model.needsRepository(repo)) this.#touch(model);
  }

  /** Grows with every change of a model. */
  get rev(): number {
    return this.#rev;
  }

  /** Whether the model, by id or alias, ships with the gateway. */
  isBundled(name: string): boolean {
    return this.#find(name)?.isBundled === true;
  }

  /** Grows with every change of devices, replicas or wishes: what a plan was made of. */
  get placementRev(): number {
    return this.#placementRev.current;
  }

  describe(name: string): AdminModel | undefined {
    return this.#find(name)?.describe();
  }

  /** With what became of the memory of replicas that ended. @throws model_not_found */
  detail(name: string): AdminModelDetail {
    const model = this.#find(name);
    if (model === undefined) throw noSuchModel(name);
    return { ...model.describe(), proofs: [...model.proofs] };
  }

  list(): AdminModel[] {
    return [...this.#models.values()].map((model) => model.describe());
  }

  /** @returns the function that ends the subscription. */
  onChange(listener: RegistryListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Told of downloads as they go. @returns as `onChange`. */
  onProgress(listener: ProgressListener): () => void {
    this.#progressListeners.add(listener);
    return () => this.#progressListeners.delete(listener);
  }

  /** Told what became of the memory of each replica that ended. @returns as `onChange`. */
  onReleased(listener: ReleaseListener): () => void {
    this.#releaseListeners.add(listener);
    return () => this.#releaseListeners.delete(listener);
  }

  /** Lets running requests finish for `graceMs`, refuses those left, then stops every download and worker. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    this.#stopWatching();
    const deadline = Date.now() + graceMs;
    const models = [...this.#models.values()];
    while (Date.now() < deadline && models.some(({ pending }) => pending > 0)) await sleep(20);
    this.#cut.abort();
    await Promise.all(models.map((model) => model.close()));
  }

  #createModel(item: CatalogEntry): ServedModel {
    const model: ServedModel = new ServedModel({
      ...this.#options,
      item,
      placer: this.#placer,
      licenses: this.#licenses,
      footprints: this.#footprints,
      createWorker: (order) => this.#createWorker(order),
      onChange: () => this.#touch(model),
      onProgress: () => {
        if (this.#progressListeners.size === 0) return;
        const progress = { id: model.id, rev: model.rev, files: model.files.describe() };
        for (const listener of this.#progressListeners) listener(progress);
      },
      onReleased: (proof) => {
        for (const listener of this.#releaseListeners) listener({ id: model.id, rev: model.rev, proof });
      },
      onResidue: (replica, device, bytes) => {
        this.#options.log.error('memory of a GPU did not come back', { replica, device, bytes });
        this.#options.onResidue?.({ replica, device, bytes });
      },
    });
    return model;
  }

  #createWorker({ modelId, dtype, maxBatch, present, device }: WorkerOrder): WorkerProcess {
    const { modelListUrl, workerEnvironment, tools, hungAfterMs, loadTimeoutMs } = this.#options;
    const isCpu = device.id === CPU;
    return new WorkerProcess({
      load: {
        modelListUrl,
        modelId,
        registered: this.#options.catalog.registration(modelId),
        dtype,
        maxBatch,
        snapshotDir: present.main.dir,
        auxiliaryDirs: Object.fromEntries(Object.entries(present.auxiliary).map(([role, { dir }]) => [role, dir])),
        derivedDir: join(dirname(dirname(present.main.dir)), 'derived', present.main.commit),
        // The one GPU it sees is its first.
        device: isCpu ? CPU : 'cuda:0',
        threads: this.#options.threadsPerReplica ?? this.#threadShare(),
        ...tools,
      },
      environment: {
        ...workerEnvironment,
        CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
        CUDA_VISIBLE_DEVICES: isCpu ? '' : device.id,
      },
      hungAfterMs,
      loadTimeoutMs,
      log: this.#options.log.child({ model: modelId }),
    });
  }

  /** Cores divided by the CPU replicas that run, one more included. */
  #threadShare(): number {
    const replicas = [...this.#models.values()].flatMap((model) => model.replicas);
    const running = replicas.filter(({ device, isServing }) => device.id === CPU && isServing).length;
    return Math.max(1, Math.floor(this.#options.cores / (running + 1)));
  }

  #neededByOthers(model: ServedModel) {
    const others = [...this.#models.values()].filter((other) => other !== model);
    return others.flatMap(({ neededFiles }) => neededFiles);
  }

  #followDevices(): void {
    // A driver that does not answer says nothing of the processes on its GPUs: they go on.
    for (const { id, label, isLost, unavailable } of this.#options.devices.list()) {
      for (const model of this.#models.values()) {
        if (unavailable === null) model.returnTo(id);
        else if (isLost) model.leave(id, `${label}: ${unavailable}`);
      }
    }
  }

  /** For operators. @throws model_not_found, shutting_down */
  #named(name: string): ServedModel {
    const model = this.#find(name);
    if (model === undefined) throw noSuchModel(name);
    if (this.#closing) throw shuttingDown();
    return model;
  }

  #find(name: string): ServedModel | undefined {
    const id = this.#options.catalog.idOf(name);
    return id === AUTO ? this.#first('transcription') : id === undefined ? undefined : this.#models.get(id);
  }

  #first(task: Task): ServedModel | undefined {
    const models = [...this.#models.values()].filter((model) => model.task === task);
    const present = models.filter(({ files, mayBeUsed }) => files.state === 'present' && mayBeUsed);
    const own = present.filter(({ isBundled }) => !isBundled);
    return own.find(({ preference }) => preference !== undefined) ?? own[0] ?? present[0] ?? models[0];
  }

  #known(id: string): ServedModel {
    const model = this.#find(id);
    if (model === undefined) throw new Error(`PRELOAD_MODELS names "${id}", which is no model`);
    return model;
  }

  #touch(model: ServedModel): void {
    this.#rev += 1;
    model.rev = this.#rev;
    if (this.#listeners.size === 0) return;
    const described = model.describe();
    for (const listener of this.#listeners) listener(described);
  }
}

/** What ships with the gateway is no choice of an operator's. */
function isDownloaded({ files, isBundled }: ServedModel): boolean {
  return files.state === 'present' && !isBundled;
}

function shuttingDown(): GatewayError {
  return new GatewayError('shutting_down', { message: 'The server is shutting down.', retryAfterSeconds: 1 });
}
