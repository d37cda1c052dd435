/** One model: its files, its replicas on whatever devices, and the requests for them. The single writer of which replicas there are. */
import type { AdminModel, AdminModelStatus, ReleaseProof } from '../contract/admin.ts';
import { GatewayError, toGatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { DeviceKind, Task, Tasks } from '../models/define-model.ts';
import type { WorkerProcess } from '../worker/worker-process.ts';
import type { CatalogEntry } from './catalog.ts';
import type { ChosenDtype } from './choose-dtype.ts';
import type { DeviceState, Devices } from './devices.ts';
import type { Footprints } from './footprints.ts';
import { type Licenses, needsConfirmation } from './licenses.ts';
import type { Preference } from './memory-types.ts';
import { ModelFiles, type ModelHub, type PresentFiles } from './model-files.ts';
import { identifyModel, type ModelIdentity } from './model-identity.ts';
import { ModelWish, type Places } from './model-wish.ts';
import type { Plan } from './placement.ts';
import type { Placer } from './placer.ts';
import type { Quarantine } from './quarantine.ts';
import type { LoadOrder, RegistryRequest } from './registry-request.ts';
import { LostRun, Replica } from './replica.ts';
import { Turns, type Waiting } from './turns.ts';

export interface WorkerOrder {
  modelId: string;
  dtype: string | undefined;
  maxBatch: number | undefined;
  present: PresentFiles;
  device: DeviceState;
}

export interface ServedModelOptions {
  item: CatalogEntry;
  licenses: Licenses;
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
  /** Of a download, at most four times a second and at least once. */
  onProgress(): void;
  onResidue(replica: string, device: string, bytes: number): void;
  onReleased(proof: ReleaseProof): void;
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

const MAX_PROOFS = 20;

/** What was being started is not wished any more. */
class Superseded extends Error {
  override readonly name = 'Superseded';
}

export class ServedModel {
  readonly #options: ServedModelOptions;
  readonly #turns: Turns;
  readonly #wish: ModelWish;
  readonly #files = new Map<string | undefined, ModelFiles>();
  #replicas: Replica[] = [];
  #identity: { of: PresentFiles; made: Promise<ModelIdentity> } | undefined;
  #bringing: Promise<void> | undefined;
  /** Grows with every order: what an earlier one was about to start is not started. */
  #order = 0;
  #growAt = 0;
  /** Devices of the operator's order that were lost while it ran there. */
  readonly #left = new Set<string>();
  #failure: GatewayError | undefined;
  /** Why it runs on the CPU though a GPU was meant. */
  #fallback: string | undefined;
  #nextReplica = 0;
  #proofs: readonly ReleaseProof[] = [];
  #pending = 0;
  #closed = false;
  /** Set for a model that must stay loaded: when it is tried again after a failure. */
  #keepLoaded: Retries | undefined;
  rev = 0;

  constructor(options: ServedModelOptions) {
    this.#options = options;
    const { item, devices, footprints, maxQueuePerReplica } = options;
    this.#wish = new ModelWish(item, devices, footprints);
    this.#turns = new Turns({
      model: item.definition.id,
      concurrency: item.definition.concurrency,
      maxQueuePerReplica,
      replicas: () => this.#replicas,
      onChange: () => options.onChange(),
    });
    this.#replicas = [this.#createReplica(this.#wish.places().places[0]?.device ?? this.#wish.cpu())];
  }

  get id(): string {
    return this.#options.item.definition.id;
  }

  get task(): Task {
    return this.#options.item.family.task;
  }

  /** With the files that the precision in use needs. */
  get definition() {
    return this.#chosen.definition;
  }

  get replicas(): readonly Replica[] {
    return this.#replicas;
  }

  /** The operator's order, if there is one. */
  get preference(): Readonly<Preference> | undefined {
    return this.#wish.preference;
  }

  get orderedReplicas(): number {
    const { devices = [], replicasPerDevice = 1 } = this.#wish.preference ?? {};
    return Math.max(1, devices.length * replicasPerDevice);
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
    return this.#filesOf(this.#chosen);
  }

  /** Of the last ends of its replicas, newest first. */
  get proofs(): readonly ReleaseProof[] {
    return this.#proofs;
  }

  /** Of every precision that was asked for: what must stay on disk. */
  get neededFiles() {
    return [...this.#files.values()].flatMap(({ needed }) => needed);
  }

  /** Its own, or one it takes files of. */
  needsRepository(repo: string): boolean {
    return this.#repositories().some((each) => each.repo === repo);
  }

  get isKeptLoaded(): boolean {
    return this.#keepLoaded !== undefined;
  }

  /** Those of every precision, but for `keep`. @returns bytes deleted. @throws model_files_elsewhere */
  async deleteFiles(keep: Parameters<ModelFiles['delete']>[0]): Promise<number> {
    const { files } = this;
    try {
      return await files.delete(keep);
    } finally {
      // The other precisions' are looked for again when they are wanted.
      this.#files.clear();
      this.#files.set(this.#chosen.dtype, files);
    }
  }

  /** Ends a download, that of another precision too. @returns whether there is anything left of what it fetched. */
  async stopDownload(options: { isPaused: boolean }): Promise<void> {
    await Promise.all([...this.#files.values()].map((files) => files.abort(options)));
  }

  /** Deletes what a download that did not come to its end has fetched, but for `keep` and what other precisions need. */
  async discardDownload(keep: Parameters<ModelFiles['delete']>[0]): Promise<void> {
    for (const files of this.#files.values()) {
      if (files.state === 'present' || files.state === 'downloading') continue;
      await files.delete([...keep, ...this.neededFiles]);
    }
  }

  /** Of what results depend on; undefined while the files are not here. */
  async identify(): Promise<ModelIdentity | undefined> {
    const chosen = this.#chosen;
    const present = await this.#filesOf(chosen).find();
    if (present === undefined) return undefined;
    // A snapshot does not change: its hashes are read once.
    if (this.#identity?.of !== present) {
      const made = identifyModel(chosen.definition, present, chosen.dtype, this.#kind);
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

  /** @throws license_not_confirmed */
  requireLicense(): void {
    this.#options.licenses.require(this.#options.item.definition);
  }

  /** It ships with the gateway. */
  get isBundled(): boolean {
    return this.#options.item.definition.bundled === true;
  }

  get mayBeUsed(): boolean {
    return this.#options.licenses.mayUse(this.#options.item.definition);
  }

  /** What was wished of it before is done now. */
  async confirmLicense(confirmedBy: string): Promise<void> {
    await this.#options.licenses.confirm(this.#options.item.definition, confirmedBy);
    this.#failure = undefined;
    this.#options.onChange();
    if (this.#wish.preference !== undefined && !this.#isLive) void this.#load();
  }

  /** Loads it, keeps it loaded, and brings it back when it fails. */
  keepLoaded(): void {
    if (this.isKeptLoaded) return;
    this.#keepLoaded = { delayMs: RETRY_MIN_MS, timer: undefined };
    void this.#load();
  }

  /** It stays loaded until it is idle, or others need the room. */
  keepLoadedNoMore(): void {
    if (!this.isKeptLoaded) return;
    clearTimeout(this.#keepLoaded?.timer);
    this.#keepLoaded = undefined;
    for (const replica of this.#replicas) replica.noteUnpinned();
    this.#options.onChange();
  }

  /** What `load` would do. Replicas that are to be replaced count as leaving. @throws invalid_value */
  plan(order: LoadOrder): Plan {
    this.#wish.requirePrecision(order);
    const wish = this.#wish.withOrder(this.#preferenceOf(order));
    const places = order.devices.map((device) => {
      return { device, count: order.replicasPerDevice - this.#liveOn(device, wish) };
    });
    const missing = places.filter(({ count }) => count > 0);
    return this.#options.placer.plan(wish.need({ on: 'each', places: missing }), this.#outdated(wish));
  }

  #preferenceOf({ devices, ...rest }: LoadOrder): Preference {
    return { model: this.id, devices: devices.map(({ id }) => id), ...rest };
  }

  /**
   * Takes the order, which is carried out from then on; replicas elsewhere end when their requests are done.
   * @throws insufficient_memory, device_unavailable, invalid_value when it cannot be
   */
  async load(order: LoadOrder, save: (preference: Preference) => Promise<void>): Promise<void> {
    await this.#options.devices.refresh();
    const plan = this.plan(order);
    if (!plan.ok) this.#options.placer.refuse(plan);
    const preference = this.#preferenceOf(order);
    this.#wish.preference = preference;
    await save(preference);
    this.#failure = undefined;
    this.#left.clear();
    this.#supersede();
    for (const replica of this.#replicas) if (!this.#isAsWished(replica)) replica.retire();
    void this.#load();
  }

  /** An operator's wish of before a restart. */
  restore(preference: Preference): void {
    this.#wish.preference = preference;
    void this.#load();
  }

  /** Ends its replicas once their requests are done, or at once, and forgets where they were wished. */
  async unload({ force }: { force: boolean }): Promise<void> {
    clearTimeout(this.#keepLoaded?.timer);
    this.#keepLoaded = undefined;
    this.#wish.preference = undefined;
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

  /** A device that had gone is back: what ran there returns. */
  returnTo(device: string): void {
    if (this.#left.delete(device)) void this.#load();
  }

  /** A device has gone: what ran there goes on elsewhere. */
  leave(device: string, reason: string): void {
    for (const replica of this.#replicas) {
      if (replica.device.id !== device || !replica.isLive) continue;
      if (this.#wish.preference !== undefined) this.#left.add(device);
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
    const { family, definition, registered } = this.#options.item;
    const { preference } = this.#wish;
    const confirmation = this.#options.licenses.find(definition);
    return {
      id: definition.id,
      object: 'model',
      rev: this.rev,
      status: this.#status(),
      reason: this.#failure?.message ?? null,
      task: family.task,
      family: family.family,
      registered: registered === true,
      repo: definition.repo,
      revision: definition.revision,
      bundled: this.isBundled,
      repositories: this.#repositories(),
      license: definition.license,
      license_confirmation: {
        required: needsConfirmation(definition.license),
        confirmed_at: confirmation === undefined ? null : Math.floor(confirmation.confirmedAt.getTime() / 1000),
        confirmed_by: confirmation?.confirmedBy ?? null,
      },
      languages: [...definition.languages],
      published: definition.published ?? null,
      memory_estimate_bytes: definition.memory.estimateBytes,
      load_seconds: this.#wish.loadSeconds(this.#kind) ?? null,
      download_bytes: this.files.state === 'present' ? null : (this.files.downloadBytes ?? null),
      precision: this.#chosen.dtype ?? null,
      precisions: Object.keys(definition.dtypes?.files ?? {}),
      queued: this.#turns.queued,
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
        bytes_are_measured: this.#wish.isMeasured(replica.device.kind),
      })),
    };
  }

  // --- requests ---

  async #runWithRetry(request: RegistryRequest<Task>): Promise<Tasks[Task]['result']> {
    const { audioPath } = request.input;
    let sent = false;
    const attempt = async (isRetry: boolean): Promise<Tasks[Task]['result']> => {
      const { replica, waiting } = await this.#waitForTurn(request, isRetry);
      const startedAt = performance.now();
      const version = `${this.id}@${this.#filesOf(this.#wish.chosen(replica.device.kind)).commit}`;
      let done: { milliseconds: number; audioSeconds: number } | undefined;
      let lost = false;
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
        done = { milliseconds: performance.now() - startedAt, audioSeconds: result.duration };
        return result;
      } catch (error) {
        lost = error instanceof LostRun;
        if (error instanceof LostRun && error.blamesInput) await this.#options.quarantine.strike(version, audioPath);
        throw error;
      } finally {
        this.#turns.end(waiting, replica, done, lost);
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

  /** The replica that has a place for it, brought up if need be. */
  async #waitForTurn(
    request: RegistryRequest<Task>,
    isRetry: boolean,
  ): Promise<{ replica: Replica; waiting: Waiting }> {
    const waiting = this.#turns.enter(request, isRetry);
    if (!this.#turns.isWaiting(waiting)) return { replica: await waiting.granted, waiting };
    // Who waits for others to finish goes on waiting.
    const patience = setTimeout(() => {
      if (!this.isServing) this.#turns.refuse(waiting, this.#stillLoading());
    }, this.#options.coldStartWaitMs);
    try {
      request.onQueued?.(this.#turns.place(waiting));
      this.#options.onChange();
      if (request.devices === undefined) this.#bringUp();
      else this.#bringUpOn(request.devices, waiting);
      return { replica: await waiting.granted, waiting };
    } finally {
      clearTimeout(patience);
    }
  }

  // --- replicas ---

  /** Sees to it that somebody serves those who wait; they hear why if that fails. */
  #bringUp(): void {
    if (this.#closed) return;
    if (this.#isLive && !this.#mayGrow()) return;
    this.#ensureReplicas().catch((error: unknown) => {
      if (this.#isLive) return;
      if (error instanceof Superseded) return this.#bringUp();
      this.#turns.refuseAll(error);
    });
  }

  /** One of its devices has a replica, or its caller hears why not. */
  #bringUpOn(devices: readonly string[], waiting: Waiting): void {
    if (this.#closed || this.#replicas.some(({ isLive, device }) => isLive && devices.includes(device.id))) return;
    const places = this.#options.devices
      .list()
      .filter(({ id }) => devices.includes(id))
      .map((device) => ({ device, count: 1 }));
    this.#startOn({ on: 'any', places }).catch((error: unknown) => {
      this.#turns.refuse(waiting, error);
    });
  }

  get #isLive(): boolean {
    return this.#replicas.some(({ isLive }) => isLive);
  }

  /** Of several replicas that were ordered, one that is at rest may help those that serve. */
  #mayGrow(): boolean {
    if (this.#wish.preference === undefined || Date.now() < this.#growAt) return false;
    const atRest = this.#replicas.some((replica) => replica.state === 'stopped' && this.#isAsWished(replica));
    if (atRest) this.#growAt = Date.now() + GROW_PAUSE_MS;
    return atRest;
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
      const places = this.#wish.places();
      if (places.on === 'each' || !this.#isLive) await this.#startOn(places);
      this.#failure = undefined;
    } catch (error) {
      if (error instanceof Superseded) throw error;
      const failure = toGatewayError(error);
      this.#failure = failure;
      const isOnGpus = this.#kind === 'cuda';
      const mayFallBack = this.#options.allowCpuFallback && isOnGpus && !this.#closed && !this.#isLive;
      if (!mayFallBack) throw failure;
      this.#options.log.error('the model runs on the CPU, no GPU could take it', { reason: failure.message });
      this.#fallback = failure.message;
      await this.#startOn({ on: 'each', places: [{ device: this.#wish.cpu(), count: 1 }] });
    }
  }

  async #startOn({ on, places }: Places): Promise<void> {
    this.requireLicense();
    // An operator's order is wish enough to fetch what it takes.
    const mayDownload = this.#options.autoDownload || this.#wish.preference !== undefined;
    const order = this.#order;
    for (const kind of new Set(places.map(({ device }) => device.kind))) {
      await this.#filesOf(this.#wish.chosen(kind)).ensurePresent(mayDownload, NEVER);
    }
    const missing = places
      .map(({ device, count }) => ({ device, count: count - this.#liveOn(device) }))
      .filter(({ count }) => count > 0);
    if (missing.length === 0) return;
    const started: Promise<unknown>[] = [];
    const need = this.#wish.need({ on, places: missing });
    await this.#outlast(need);
    await this.#options.placer.place(need, (placements) => {
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
        () => this.#turns.dispatch(),
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
    const devices = new Set(this.#wish.places().places.map(({ device }) => device.id));
    const kept = this.#replicas.filter(
      (replica) => replica.resident !== undefined || (devices.has(replica.device.id) && this.#isAsWished(replica)),
    );
    if (kept.length > 0) this.#replicas = kept;
  }

  #isAsWished(replica: Replica, wish = this.#wish): boolean {
    return replica.wish === wish.key(replica.device.kind);
  }

  #liveOn(device: DeviceState, wish = this.#wish): number {
    const own = this.#replicas.filter((replica) => replica.device.id === device.id && replica.isLive);
    return own.filter((replica) => this.#isAsWished(replica, wish)).length;
  }

  /** Those that end once their requests are done, because others are wished. */
  #outdated(wish = this.#wish): Replica[] {
    return this.#replicas.filter((replica) => replica.resident !== undefined && !this.#isAsWished(replica, wish));
  }

  /** Where the memory is needed that outdated replicas still hold: until they are gone. Others are placed meanwhile. */
  async #outlast(need: Parameters<Placer['plan']>[0]): Promise<void> {
    const outdated = this.#outdated();
    if (outdated.length === 0 || this.#options.placer.plan(need).ok) return;
    await Promise.all(outdated.map((replica) => replica.gone()));
  }

  #createReplica(device: DeviceState): Replica {
    const { item, devices, log, footprints, requestTimeoutMs, idleTimeoutMs } = this.#options;
    const id = `${this.id}#${this.#nextReplica++}`;
    const chosen = this.#wish.chosen(device.kind);
    const maxBatch = this.#wish.preference?.maxBatch ?? undefined;
    const key = this.#wish.footprintKey(device.kind);
    const replica = new Replica({
      id,
      device,
      devices,
      wish: this.#wish.key(device.kind),
      expectedBytes: () => this.#wish.bytesOn(device.kind),
      capacity: item.definition.concurrency,
      idleTimeoutMs: () => this.#wish.idleTimeoutMs(idleTimeoutMs),
      requestTimeoutMs,
      createWorker: () => {
        const { present } = this.#filesOf(chosen);
        if (present === undefined) throw new Error(`${this.id}: worker asked for before its files`);
        return this.#options.createWorker({ modelId: this.id, dtype: chosen.dtype, maxBatch, present, device });
      },
      isPinned: () => this.#keepLoaded !== undefined || this.#wish.preference?.keepAliveSeconds === -1,
      isAwaited: () => this.#turns.queued > 0,
      onMeasured: (measured) => footprints.note(key, measured),
      onResidue: (bytes) => this.#options.onResidue(id, device.id, bytes),
      onReleased: (proof) => {
        this.#proofs = [proof, ...this.#proofs].slice(0, MAX_PROOFS);
        this.#options.onReleased(proof);
      },
      onLost: () => void this.#restore(),
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
    if (replica.isServing) this.#turns.dispatch();
    if (replica.resident !== undefined || this.#closed) return;
    if (this.#turns.queued > 0) this.#bringUp();
    else if (this.#keepLoaded !== undefined) this.#retryLater(this.#keepLoaded);
  }

  /** An order holds though a replica crashed or was recycled, whether somebody asks for the model or not. */
  async #restore(): Promise<void> {
    await this.#bringing?.catch(() => {});
    if (this.#wish.preference !== undefined && !this.#closed) await this.#load();
  }

  async #load(): Promise<void> {
    // What is being started may be what was wished before.
    await this.#bringing?.catch(() => {});
    try {
      await this.#ensureReplicas();
      this.#retireOthers();
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

  /** What an operator's order does not name ends when its requests are done; never before what it names is there. */
  #retireOthers(): void {
    if (this.#wish.preference === undefined) return;
    const { on, places } = this.#wish.places();
    if (on === 'any') return;
    const left = new Map(places.map(({ device, count }) => [device.id, count]));
    // Of too many the idle ones end.
    const live = this.#replicas.filter(({ isLive }) => isLive).sort((a, b) => a.free - b.free);
    for (const replica of live) {
      const count = left.get(replica.device.id) ?? 0;
      if (count === 0 || !this.#isAsWished(replica)) replica.retire();
      else left.set(replica.device.id, count - 1);
    }
  }

  /** Tries a model again that must be loaded and is neither that nor being loaded, with growing pauses. */
  #retryLater(keep: Retries): void {
    if (keep.timer !== undefined || this.#bringing !== undefined || this.#closed) return;
    if (this.#isLive) return;
    keep.timer = setTimeout(() => {
      keep.timer = undefined;
      for (const replica of this.#replicas) replica.endPause();
      void this.#load();
    }, keep.delayMs);
    keep.timer.unref();
    keep.delayMs = Math.min(RETRY_MAX_MS, 2 * keep.delayMs);
  }

  // --- files and words ---

  /** Kind of the devices it lives on, or shall. */
  get #kind(): DeviceKind {
    return this.#replicas.find(({ isLive }) => isLive)?.device.kind ?? this.#wish.kind;
  }

  get #chosen(): ChosenDtype {
    return this.#wish.chosen(this.#kind);
  }

  #filesOf({ dtype, definition }: ChosenDtype): ModelFiles {
    const known = this.#files.get(dtype);
    if (known !== undefined) return known;
    const files = new ModelFiles(definition, this.#options.hub, this.#options);
    this.#files.set(dtype, files);
    return files;
  }

  #repositories(): AdminModel['repositories'] {
    const { definition } = this.#options.item;
    const onHub = [definition, ...Object.values(definition.auxiliary ?? {})].filter(({ bundled }) => bundled !== true);
    const repos = new Set(onHub.map(({ repo }) => repo));
    return [...repos].map((name) => {
      const { url, gated, accessible = null } = this.#options.hub.known(name);
      return { repo: name, url, gated: gated === undefined ? null : gated || 'no', accessible };
    });
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

function crashed(cause: LostRun): GatewayError {
  return new GatewayError('worker_crashed', {
    message: 'The model process ended while it worked on this request. Other requests are not affected.',
    cause,
  });
}
