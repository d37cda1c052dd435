/**
 * One model: its files, its replicas on whatever devices, and the requests that wait for them. The single writer of which
 * replicas there are.
 */
import type { AdminModel, AdminModelStatus } from '../contract/admin.ts';
import { GatewayError, toGatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { DeviceKind, RunInput, Task, Tasks } from '../models/define-model.ts';
import type { WorkerProcess } from '../worker/worker-process.ts';
import type { CatalogEntry } from './catalog.ts';
import { type ChosenDtype, chooseDtype } from './choose-dtype.ts';
import { CPU, type DeviceState, type Devices } from './devices.ts';
import { FairQueue, type QueueEntry, type Throughput } from './fair-queue.ts';
import type { FootprintKey, Footprints } from './footprints.ts';
import type { Preference } from './memory-types.ts';
import { ModelFiles, type ModelHub, type PresentFiles } from './model-files.ts';
import { identifyModel, type ModelIdentity } from './model-identity.ts';
import type { Need, Plan } from './placement.ts';
import type { Placer } from './placer.ts';
import type { Quarantine } from './quarantine.ts';
import { LostRun, Replica } from './replica.ts';

export interface WorkerOrder {
  modelId: string;
  dtype: string | undefined;
  maxBatch: number | undefined;
  present: PresentFiles;
  device: DeviceState;
}

export interface ServedModelOptions {
  item: CatalogEntry;
  hub: ModelHub;
  devices: Devices;
  placer: Placer;
  footprints: Footprints;
  quarantine: Quarantine;
  log: Logger;
  createWorker(order: WorkerOrder): WorkerProcess;
  autoDownload: boolean;
  allowCpuFallback: boolean;
  coldStartWaitMs: number;
  /** 0 = never. */
  idleTimeoutMs: number;
  requestTimeoutMs: number;
  maxQueuePerReplica: number;
  onChange(): void;
  onResidue(replica: string, device: string, bytes: number): void;
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
  /** Whose it is (id of an API key): callers share a model's replicas fairly. */
  tenant?: string | undefined;
  /** Higher ones first; 0 for what somebody waits for. */
  priority?: number | undefined;
  /** Of audio, where known. */
  audioSeconds?: number | undefined;
  /** Milliseconds that the model stays loaded afterwards, instead of its own; Infinity = for ever. */
  keepAliveMs?: number | undefined;
  /** Told when it has to wait, before anything else. */
  onQueued?(queue: { position: number; etaSeconds: number }): void;
  /** Told when it begins. */
  onPlaced?(place: { device: string; fallback: string | undefined }): void;
}

/** An operator's wish: every device gets that many replicas, and no other one any. */
export interface LoadOrder {
  devices: readonly DeviceState[];
  replicasPerDevice: number;
  precision: string | null;
  /** −1: for ever; null: the server's default. */
  keepAliveSeconds: number | null;
  maxBatch: number | null;
}

interface Waiting {
  entry: QueueEntry<Waiting>;
  granted(replica: Replica): void;
  refused(error: unknown): void;
}

interface Retries {
  delayMs: number;
  timer: NodeJS.Timeout | undefined;
}

/** Pauses between tries to bring back a model that must stay loaded: 1 s, 2 s … 60 s. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** Between tries to bring back replicas that were unloaded while others of the model served on. */
const GROW_PAUSE_MS = 5_000;

/** What was being started is not wished any more. */
class Superseded extends Error {
  override readonly name = 'Superseded';
}

export class ServedModel {
  readonly #options: ServedModelOptions;
  readonly #queue: FairQueue<Waiting>;
  readonly #waiting = new Set<Waiting>();
  readonly #files = new Map<string | undefined, ModelFiles>();
  #replicas: Replica[] = [];
  #preference: Preference | undefined;
  #present: PresentFiles | undefined;
  #identity: { of: PresentFiles; made: Promise<ModelIdentity> } | undefined;
  #bringing: Promise<void> | undefined;
  /** Grows with every order: what an earlier one was about to start is not started. */
  #order = 0;
  #growAt = 0;
  #failure: GatewayError | undefined;
  /** Why it runs on the CPU though a GPU was meant. */
  #fallback: string | undefined;
  #nextReplica = 0;
  #pending = 0;
  #closed = false;
  /** Means over past requests: milliseconds of work a second of audio, and milliseconds a request. */
  #meanRunMs = 1_000;
  #realTimeFactor: number | undefined;
  /** Set for a model that must stay loaded: when it is tried again after a failure. */
  #keepLoaded: Retries | undefined;
  rev = 0;

  constructor(options: ServedModelOptions) {
    this.#options = options;
    this.#queue = new FairQueue(options.item.definition.id);
    this.#replicas = [this.#createReplica(this.#defaultDevices()[0] ?? this.#cpu())];
  }

  get id(): string {
    return this.#options.item.definition.id;
  }

  get task(): Task {
    return this.#options.item.family.task;
  }

  /** With the files that the precision in use needs. */
  get definition() {
    return this.#chosen().definition;
  }

  get replicas(): readonly Replica[] {
    return this.#replicas;
  }

  get pending(): number {
    return this.#pending;
  }

  get isServing(): boolean {
    return this.#replicas.some(({ isServing }) => isServing);
  }

  /** It is to be loaded, and is not. */
  get isMissing(): boolean {
    return this.#keepLoaded !== undefined && !this.isServing;
  }

  get files(): ModelFiles {
    return this.#filesOf(this.#chosen());
  }

  /** Of every precision that was asked for: what must stay on disk. */
  get neededFiles() {
    return [...this.#files.values()].flatMap(({ needed }) => needed);
  }

  get isKeptLoaded(): boolean {
    return this.#keepLoaded !== undefined;
  }

  /** Those of every precision, but for `keep`. @returns bytes deleted. @throws model_files_elsewhere */
  async deleteFiles(keep: Parameters<ModelFiles['delete']>[0]): Promise<number> {
    const { files } = this;
    this.#present = undefined;
    try {
      return await files.delete(keep);
    } finally {
      // The other precisions' are looked for again when they are wanted.
      this.#files.clear();
      this.#files.set(this.#chosen().dtype, files);
    }
  }

  /** Of what results depend on; undefined while the files are not here. */
  async identify(): Promise<ModelIdentity | undefined> {
    const chosen = this.#chosen();
    const present = await this.#filesOf(chosen).find();
    if (present === undefined) return undefined;
    // A snapshot does not change: its hashes are read once.
    if (this.#identity?.of !== present) {
      const made = identifyModel(chosen.definition, present, chosen.dtype, this.#kind());
      this.#identity = { of: present, made };
    }
    return this.#identity.made;
  }

  /** Runs one request, bringing the model up first. @throws see `ModelRegistry.run` */
  async run(request: RegistryRequest<Task>): Promise<Tasks[Task]['result']> {
    this.#pending += 1;
    try {
      return await this.#runWithRetry(request);
    } finally {
      this.#pending -= 1;
      this.#options.onChange();
    }
  }

  /** Loads it, keeps it loaded, and brings it back when it fails. */
  keepLoaded(): void {
    this.#keepLoaded ??= { delayMs: RETRY_MIN_MS, timer: undefined };
    void this.#load();
  }

  /** What `load` would do. @throws invalid_value */
  plan(order: LoadOrder): Plan {
    return this.#options.placer.plan(this.#needOf(order));
  }

  /**
   * Takes the order, which is carried out from then on; replicas elsewhere end when their requests are done.
   * @throws insufficient_memory, device_unavailable, invalid_value when it cannot be
   */
  async load(order: LoadOrder, save: (preference: Preference) => Promise<void>): Promise<void> {
    const plan = this.plan(order);
    if (!plan.ok) this.#options.placer.refuse(plan);
    const { devices, ...rest } = order;
    this.#preference = { model: this.id, devices: devices.map(({ id }) => id), ...rest };
    await save(this.#preference);
    this.#failure = undefined;
    this.#supersede();
    for (const replica of this.#replicas) {
      if (!devices.some(({ id }) => id === replica.device.id) || !this.#isAsWished(replica)) replica.retire();
    }
    for (const { id } of devices) this.#retireBeyond(order.replicasPerDevice, id);
    void this.#load();
  }

  /** An operator's wish of before a restart. */
  restore(preference: Preference): void {
    this.#preference = preference;
    void this.#load();
  }

  /** Ends its replicas once their requests are done, or at once, and forgets where they were wished. */
  async unload({ force }: { force: boolean }): Promise<void> {
    clearTimeout(this.#keepLoaded?.timer);
    this.#keepLoaded = undefined;
    this.#preference = undefined;
    this.#supersede();
    if (force) await Promise.all(this.#replicas.map((replica) => replica.stop()));
    else for (const replica of this.#replicas) replica.retire();
  }

  /** Ends its replicas and starts them anew, forgetting earlier failures. */
  async reload(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => replica.stop()));
    for (const replica of this.#replicas) replica.endPause();
    this.#failure = undefined;
    void this.#load();
  }

  /** @throws replica_not_found */
  async restart(replicaId: string): Promise<void> {
    const replica = this.#replicas.find(({ id }) => id === replicaId);
    if (replica === undefined) {
      throw new GatewayError('replica_not_found', { message: `The model '${this.id}' has no replica '${replicaId}'.` });
    }
    await replica.stop();
    replica.endPause();
    this.#failure = undefined;
    void this.#load();
  }

  /** A device has gone: what ran there goes on elsewhere. */
  leave(device: string, reason: string): void {
    for (const replica of this.#replicas) {
      if (replica.device.id !== device || !replica.isLive) continue;
      this.#options.log.error('replica ended, its device is not available', { replica: replica.id, reason });
      replica.kill();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#keepLoaded?.timer);
    await Promise.all([
      ...[...this.#files.values()].map((files) => files.abort()),
      ...this.#replicas.map((replica) => replica.close()),
    ]);
  }

  describe(): AdminModel {
    const { family, definition } = this.#options.item;
    const preference = this.#preference;
    return {
      id: definition.id,
      object: 'model',
      rev: this.rev,
      status: this.#status(),
      reason: this.#failure?.message ?? null,
      task: family.task,
      family: family.family,
      repo: definition.repo,
      revision: definition.revision,
      license: definition.license,
      languages: [...definition.languages],
      published: definition.published ?? null,
      memory_estimate_bytes: definition.memory.estimateBytes,
      precision: this.#chosen().dtype ?? null,
      precisions: Object.keys(definition.dtypes?.files ?? {}),
      queued: this.#queue.waiting,
      pending: this.#pending,
      placement:
        preference === undefined
          ? null
          : {
              devices: preference.devices,
              replicas_per_device: preference.replicasPerDevice,
              precision: preference.precision,
              keep_alive_seconds: preference.keepAliveSeconds,
              max_batch: preference.maxBatch,
            },
      fallback: this.#fallback ?? null,
      files: this.files.describe(),
      replicas: this.#replicas.map((replica) => ({
        ...replica.describe(),
        bytes_are_measured: this.#options.footprints.find(this.#footprintKey(replica.device.kind)) !== undefined,
      })),
    };
  }

  // --- requests ---

  async #runWithRetry(request: RegistryRequest<Task>): Promise<Tasks[Task]['result']> {
    const { audioPath } = request.input;
    let sent = false;
    const attempt = async (isRetry: boolean): Promise<Tasks[Task]['result']> => {
      const { replica, entry } = await this.#waitForTurn(request, isRetry);
      const version = `${this.id}@${this.#present?.main.commit ?? this.#options.item.definition.revision}`;
      const startedAt = performance.now();
      let lost = true;
      try {
        await this.#options.quarantine.check(version, audioPath);
        request.onPlaced?.({ device: replica.device.id, fallback: this.#fallback });
        const result = await replica.run({
          input: request.input,
          params: request.params,
          signal: request.signal,
          unlimited: request.unlimited,
          keepAliveMs: request.keepAliveMs,
          onEvent: (event) => {
            sent ||= request.onEvent !== undefined && request.mayRepeatEvents !== true;
            request.onEvent?.(event);
          },
        });
        lost = false;
        this.#noteSpeed(performance.now() - startedAt, result.duration);
        this.#queue.setAudioSeconds(entry, result.duration);
        return result;
      } catch (error) {
        lost = error instanceof LostRun;
        if (error instanceof LostRun && error.blamesInput) await this.#options.quarantine.strike(version, audioPath);
        throw error;
      } finally {
        replica.release(placesOf(replica, isRetry));
        if (lost) this.#queue.finish(entry, 0);
        else this.#queue.finish(entry);
        this.#dispatch();
      }
    };
    try {
      return await attempt(false);
    } catch (error) {
      if (!(error instanceof LostRun)) throw error;
      if (sent || request.signal.aborted) throw crashed(error);
    }
    try {
      return await attempt(true);
    } catch (error) {
      throw error instanceof LostRun ? crashed(error) : error;
    }
  }

  /** Resolves when a replica has a place for it. A retry is let in before others, and alone. */
  async #waitForTurn(request: RegistryRequest<Task>, isRetry: boolean) {
    const turn = Promise.withResolvers<Replica>();
    const live = this.#replicas.filter(({ isLive }) => isLive);
    const free = live.reduce((sum, replica) => sum + replica.free, 0);
    const capacity = live.length === 0 ? this.#options.item.definition.concurrency : free;
    const limit = capacity + this.#options.maxQueuePerReplica * Math.max(1, live.length);
    // Known to the queue's callbacks before it is in the queue.
    const waiting = { granted: turn.resolve, refused: turn.reject } as Waiting;
    waiting.entry = this.#queue.add(
      {
        payload: waiting,
        tenant: request.tenant ?? 'anonymous',
        weight: 1,
        priority: request.priority ?? 0,
        audioSeconds: request.audioSeconds,
        alone: isRetry,
        readmitted: isRetry,
        signal: request.signal,
        onRemoved: (error) => {
          this.#waiting.delete(waiting);
          turn.reject(error);
          this.#options.onChange();
        },
      },
      limit,
      this.#throughput(),
    );
    this.#waiting.add(waiting);
    const patience = setTimeout(() => this.#losePatience(waiting), this.#options.coldStartWaitMs);
    try {
      this.#dispatch();
      if (this.#waiting.has(waiting)) {
        const position = this.#queue.position(waiting.entry);
        request.onQueued?.({ position, etaSeconds: this.#queue.etaSeconds(waiting.entry, this.#throughput()) });
        this.#options.onChange();
        this.#bringUp();
      }
      return { replica: await turn.promise, entry: waiting.entry };
    } finally {
      clearTimeout(patience);
    }
  }

  /** The model takes too long to come up; who waits for others to finish goes on waiting. */
  #losePatience(waiting: Waiting): void {
    if (this.isServing || !this.#waiting.has(waiting)) return;
    this.#refuse(waiting, this.#stillLoading());
  }

  #refuse(waiting: Waiting, error: unknown): void {
    this.#queue.remove(waiting.entry);
    this.#waiting.delete(waiting);
    waiting.refused(error);
    this.#options.onChange();
  }

  #dispatch(): void {
    const serving = this.#replicas.filter(({ isServing }) => isServing);
    const grants = this.#queue.take(serving.map(({ id, capacity, free }) => ({ id, capacity, free })));
    for (const { entry, lane } of grants) {
      const replica = serving.find(({ id }) => id === lane);
      if (replica === undefined) continue;
      replica.claim(placesOf(replica, entry.request.alone));
      this.#waiting.delete(entry.request.payload);
      entry.request.payload.granted(replica);
    }
    if (grants.length > 0) this.#options.onChange();
  }

  #throughput(): Throughput {
    const live = Math.max(1, this.#replicas.filter(({ isLive }) => isLive).length);
    const slots = live * this.#options.item.definition.concurrency;
    const running = this.#replicas.reduce((sum, { capacity, free }) => sum + capacity - free, 0);
    // Without a finished request: its usual time, for audio of unknown length.
    const realTimeFactor = this.#realTimeFactor ?? this.#meanRunMs / 1000 / 30;
    return { runningAudioSeconds: (running * this.#meanRunMs) / 1000 / realTimeFactor / 2, realTimeFactor, slots };
  }

  #noteSpeed(milliseconds: number, audioSeconds: number): void {
    this.#meanRunMs = 0.9 * this.#meanRunMs + 0.1 * milliseconds;
    if (!(audioSeconds > 0)) return;
    const factor = milliseconds / 1000 / audioSeconds;
    this.#realTimeFactor = this.#realTimeFactor === undefined ? factor : 0.9 * this.#realTimeFactor + 0.1 * factor;
  }

  // --- replicas ---

  /** Sees to it that somebody serves those who wait; they hear why if that fails. */
  #bringUp(): void {
    if (this.#closed) return;
    if (this.#isLive && !this.#mayGrow()) return;
    this.#ensureReplicas().catch((error: unknown) => {
      if (this.#isLive) return;
      if (error instanceof Superseded && this.#waiting.size > 0) return this.#bringUp();
      for (const waiting of [...this.#waiting]) this.#refuse(waiting, error);
    });
  }

  get #isLive(): boolean {
    return this.#replicas.some(({ isLive }) => isLive);
  }

  /** Of several replicas that were ordered, one that is at rest may help those that serve. */
  #mayGrow(): boolean {
    if (this.#preference === undefined || Date.now() < this.#growAt) return false;
    const atRest = this.#replicas.some((replica) => replica.state === 'stopped' && this.#isAsWished(replica));
    if (atRest) this.#growAt = Date.now() + GROW_PAUSE_MS;
    return atRest;
  }

  #retireBeyond(count: number, device: string): void {
    const live = this.#replicas.filter((replica) => replica.device.id === device && replica.isLive);
    // The free ones first.
    for (const replica of live.sort((a, b) => a.free - b.free).slice(count)) replica.retire();
  }

  #supersede(): void {
    this.#order += 1;
    this.#bringing = undefined;
  }

  /** All replicas that are wished are up, or why not one is. @throws Superseded when another order came meanwhile */
  #ensureReplicas(): Promise<void> {
    if (this.#bringing !== undefined) return this.#bringing;
    const bringing = this.#startReplicas().finally(() => {
      if (this.#bringing === bringing) this.#bringing = undefined;
    });
    this.#bringing = bringing;
    return bringing;
  }

  async #startReplicas(): Promise<void> {
    this.#fallback = undefined;
    try {
      await this.#startOn(this.#wish());
      this.#failure = undefined;
    } catch (error) {
      if (error instanceof Superseded) throw error;
      const failure = toGatewayError(error);
      this.#failure = failure;
      const isOnGpus = this.#kind() === 'cuda';
      const mayFallBack = this.#options.allowCpuFallback && isOnGpus && !this.#closed && !this.#isLive;
      if (!mayFallBack) throw failure;
      this.#options.log.error('the model runs on the CPU, no GPU could take it', { reason: failure.message });
      this.#fallback = failure.message;
      await this.#startOn({ on: 'each', places: [{ device: this.#cpu(), count: 1 }] });
    }
  }

  async #startOn({ on, places }: { on: Need['on']; places: { device: DeviceState; count: number }[] }): Promise<void> {
    const kind = places[0]?.device.kind ?? 'cpu';
    const chosen = this.#chosen(kind);
    // An operator's order is wish enough to fetch what it takes.
    const mayDownload = this.#options.autoDownload || this.#preference !== undefined;
    const order = this.#order;
    this.#present = await this.#filesOf(chosen).ensurePresent(mayDownload, NEVER);
    const missing = places
      .map(({ device, count }) => ({ device, count: count - this.#liveOn(device) }))
      .filter(({ count }) => count > 0);
    if (missing.length === 0 || (on === 'any' && this.#isLive)) return;
    const started: Promise<unknown>[] = [];
    await this.#options.placer.place(this.#need(on, missing), (placements) => {
      if (this.#closed) throw new GatewayError('shutting_down', { message: 'The server is shutting down.' });
      if (order !== this.#order) throw new Superseded();
      for (const { device: id, count } of placements) {
        const device = missing.find(({ device }) => device.id === id)?.device;
        if (device === undefined) continue;
        for (let index = 0; index < count; index += 1) started.push(this.#restOrNew(device).ensureReady());
      }
      this.#dropLeftovers();
    });
    for (const start of started) {
      start.then(
        () => this.#dispatch(),
        () => {},
      );
    }
    // One is enough to serve; the others' failures are in their states.
    const [first] = started;
    await Promise.any(started).catch(() => first);
  }

  /** A replica that is at rest on that device is used again: its record of residue and crashes goes on. */
  #restOrNew(device: DeviceState): Replica {
    const resting = this.#replicas.find((replica) => replica.device.id === device.id && replica.resident === undefined);
    if (resting !== undefined && this.#isAsWished(resting)) return resting;
    const replica = this.#createReplica(device);
    this.#replicas.push(replica);
    return replica;
  }

  /** Records of replicas that are no longer wished. */
  #dropLeftovers(): void {
    const devices = new Set(this.#wish().places.map(({ device }) => device.id));
    const kept = this.#replicas.filter(
      (replica) => replica.resident !== undefined || (devices.has(replica.device.id) && this.#isAsWished(replica)),
    );
    if (kept.length > 0) this.#replicas = kept;
  }

  #isAsWished(replica: Replica): boolean {
    return replica.wish === this.#wishKey(replica.device.kind);
  }

  #wishKey(kind: DeviceKind): string {
    return JSON.stringify([this.#chosen(kind).dtype ?? null, this.#preference?.maxBatch ?? null]);
  }

  #liveOn(device: DeviceState): number {
    return this.#replicas.filter((replica) => replica.device.id === device.id && replica.isLive).length;
  }

  #createReplica(device: DeviceState): Replica {
    const { item, devices, log, footprints } = this.#options;
    const id = `${this.id}#${this.#nextReplica++}`;
    const chosen = this.#chosen(device.kind);
    const maxBatch = this.#preference?.maxBatch ?? undefined;
    const key = this.#footprintKey(device.kind);
    const replica = new Replica({
      id,
      device,
      devices,
      wish: this.#wishKey(device.kind),
      expectedBytes: () => this.#bytesOn(device.kind),
      capacity: item.definition.concurrency,
      idleTimeoutMs: () => this.#idleTimeoutMs(),
      requestTimeoutMs: this.#options.requestTimeoutMs,
      createWorker: () => {
        if (this.#present === undefined) throw new Error(`${this.id}: worker asked for before its files`);
        const { present } = { present: this.#present };
        return this.#options.createWorker({ modelId: this.id, dtype: chosen.dtype, maxBatch, present, device });
      },
      isPinned: () => this.#keepLoaded !== undefined || this.#preference?.keepAliveSeconds === -1,
      isAwaited: () => this.#queue.waiting > 0,
      onMeasured: (bytes) => footprints.note(key, bytes),
      onResidue: (bytes) => this.#options.onResidue(id, device.id, bytes),
      onCrash: () => void this.#restore(),
      log: log.child({ model: this.id }),
      onChange: () => {
        this.#options.onChange();
        this.#afterChange(replica);
      },
    });
    return replica;
  }

  /** What a replica's change means for those who wait, and for a model that must stay loaded. */
  #afterChange(replica: Replica): void {
    if (replica.isServing) this.#dispatch();
    if (replica.resident !== undefined || this.#closed) return;
    if (this.#waiting.size > 0) this.#bringUp();
    else if (this.#keepLoaded !== undefined) this.#retryLater(this.#keepLoaded);
  }

  /** An order holds after a crash too, whether somebody asks for the model or not. */
  async #restore(): Promise<void> {
    await this.#bringing?.catch(() => {});
    if (this.#preference !== undefined && !this.#closed) await this.#load();
  }

  async #load(): Promise<void> {
    try {
      for (const replica of this.#replicas) if (this.#keepLoaded !== undefined) replica.endPause();
      await this.#ensureReplicas();
      if (this.#keepLoaded !== undefined) this.#keepLoaded.delayMs = RETRY_MIN_MS;
    } catch (error) {
      if (this.#closed || error instanceof Superseded) return;
      this.#options.log.error('model could not be loaded', {
        model: this.id,
        error: toGatewayError(error).message,
      });
      this.#options.onChange();
      if (this.#keepLoaded !== undefined) this.#retryLater(this.#keepLoaded);
    }
  }

  /** Tries a model again that must be loaded and is neither that nor being loaded, with growing pauses. */
  #retryLater(keep: Retries): void {
    if (keep.timer !== undefined || this.#bringing !== undefined || this.#closed) return;
    if (this.#isLive) return;
    keep.timer = setTimeout(() => {
      keep.timer = undefined;
      void this.#load();
    }, keep.delayMs);
    keep.timer.unref();
    keep.delayMs = Math.min(RETRY_MAX_MS, 2 * keep.delayMs);
  }

  // --- where and how ---

  /** The operator's devices as far as they work; else any GPU, and without one the CPU. */
  #wish(): { on: Need['on']; places: { device: DeviceState; count: number }[] } {
    const preference = this.#preference;
    const all = this.#options.devices.list();
    const wished = preference?.devices.flatMap((id) => all.find((device) => device.id === id) ?? []) ?? [];
    const working = wished.filter(({ unavailable }) => unavailable === null);
    if (working.length > 0) {
      const count = preference?.replicasPerDevice ?? 1;
      return { on: 'each', places: working.map((device) => ({ device, count })) };
    }
    // What the driver does not list at the moment is a GPU all the same.
    const kind = preference?.devices.some((id) => id !== CPU) ? 'cuda' : preference && 'cpu';
    const places = this.#defaultDevices(kind).map((device) => ({ device, count: 1 }));
    return { on: 'any', places };
  }

  /** Of GPUs, those that work: where there is one, a model goes to no other kind. */
  #defaultDevices(kind?: DeviceKind): DeviceState[] {
    const all = this.#options.devices.list();
    if (kind === 'cpu') return [this.#cpu()];
    const gpus = all.filter((device) => device.kind === 'cuda');
    const working = gpus.filter(({ unavailable }) => unavailable === null);
    if (working.length > 0) return working;
    // GPUs that are gone, wished or only for now, are named in the refusal: nothing slips to the CPU meanwhile.
    return kind === 'cuda' || gpus.some(({ mayReturn }) => mayReturn) ? gpus : [this.#cpu()];
  }

  #cpu(): DeviceState {
    const cpu = this.#options.devices.list().find(({ id }) => id === CPU);
    if (cpu === undefined) throw new Error('there is no CPU');
    return cpu;
  }

  #kind(): DeviceKind {
    return this.#replicas.find(({ isLive }) => isLive)?.device.kind ?? this.#wish().places[0]?.device.kind ?? 'cpu';
  }

  #chosen(kind?: DeviceKind, precision = this.#preference?.precision): ChosenDtype {
    const { definition, dtype } = this.#options.item;
    return chooseDtype(definition, kind ?? this.#kind(), precision ?? dtype);
  }

  #filesOf({ dtype, definition }: ChosenDtype): ModelFiles {
    const known = this.#files.get(dtype);
    if (known !== undefined) return known;
    const files = new ModelFiles(definition, this.#options.hub, () => this.#options.onChange());
    this.#files.set(dtype, files);
    return files;
  }

  #footprintKey(deviceKind: DeviceKind): FootprintKey {
    const precision = this.#chosen(deviceKind).dtype ?? null;
    return { model: this.id, precision, maxBatch: this.#preference?.maxBatch ?? null, deviceKind };
  }

  #bytesOn(kind: DeviceKind): number {
    const measured = this.#options.footprints.find(this.#footprintKey(kind));
    return measured?.peakBytes ?? this.#options.item.definition.memory.estimateBytes;
  }

  #need(on: Need['on'], places: { device: DeviceState; count: number }[]): Omit<Need, 'marginBytes'> {
    const candidates = places.map(({ device, count }) => {
      return { device: device.id, count, bytesPerReplica: this.#bytesOn(device.kind) };
    });
    return { model: this.id, on, candidates };
  }

  #needOf({ devices, replicasPerDevice, precision }: LoadOrder): Omit<Need, 'marginBytes'> {
    for (const { kind } of devices) this.#checkPrecision(kind, precision);
    const places = devices.map((device) => ({ device, count: replicasPerDevice - this.#liveOn(device) }));
    return this.#need(
      'each',
      places.filter(({ count }) => count > 0),
    );
  }

  #checkPrecision(kind: DeviceKind, precision: string | null): void {
    try {
      this.#chosen(kind, precision ?? undefined);
    } catch (error) {
      throw new GatewayError('invalid_value', { message: `${toError(error).message}.`, param: 'precision' });
    }
  }

  #idleTimeoutMs(): number {
    const seconds = this.#preference?.keepAliveSeconds ?? null;
    if (seconds === null) return this.#options.idleTimeoutMs;
    // 0 is at once, which is not never.
    return seconds < 0 ? 0 : Math.max(1, seconds * 1000);
  }

  #status(): AdminModelStatus {
    const states = new Set(this.#replicas.map(({ state }) => state));
    if (states.has('ready')) return 'ready';
    if (states.has('starting')) return 'loading';
    if (states.has('failed')) return 'failed';
    return this.files.state === 'present' ? 'downloaded' : this.files.state;
  }

  #stillLoading(): GatewayError {
    const { bytes, totalBytes } = this.files.progress;
    const isFetching = this.files.state === 'downloading';
    const doing = isFetching ? `downloading (${bytes} of ${totalBytes} bytes)` : 'loading';
    return new GatewayError('model_loading', {
      message: `The model '${this.id}' is still ${doing}. Try again in a moment.`,
      retryAfterSeconds: 10,
      extra: { progress: { state: this.files.state, bytes, total_bytes: totalBytes } },
    });
  }
}

const NEVER = new AbortController().signal;

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** That a request takes in it. */
function placesOf({ capacity }: Replica, isAlone: boolean): number {
  return isAlone ? capacity : 1;
}

function crashed(cause: LostRun): GatewayError {
  return new GatewayError('worker_crashed', {
    message: 'The model process ended while it worked on this request. Other requests are not affected.',
    cause,
  });
}
