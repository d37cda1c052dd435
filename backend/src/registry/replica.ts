/**
 * One model on one device: the single writer of its state, and owner of the worker process behind it.
 *
 *     stopped ─▶ starting ─▶ ready ─▶ stopping ─▶ stopped
 *                   └──▶ failed(reason)   (a crash while ready leads to stopped; the next request starts it again)
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReleaseProof } from '../contract/admin.ts';
import { GatewayError, toGatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Task, Tasks } from '../models/define-model.ts';
import { countOomKills } from '../worker/oom-kills.ts';
import { type RunRequest, WorkerCrash, type WorkerExit, type WorkerProcess } from '../worker/worker-process.ts';
import type { DeviceState, Devices } from './devices.ts';
import type { Resident } from './placement.ts';

export type ReplicaState = 'stopped' | 'starting' | 'ready' | 'stopping' | 'failed';

/** How long a worker may take to confirm a cancel, or to end when asked, before it is killed. */
const CANCEL_GRACE_MS = 10_000;
const STOP_GRACE_MS = 5_000;
/** First crash restarts at once, then 0.25 s, 0.5 s … up to 30 s; from the third in a row on the replica is `failed` meanwhile. */
const BACKOFF_BASE_MS = 250;
const BACKOFF_MAX_MS = 30_000;
const FAILURES_IN_A_ROW = 3;
/** Of a process that had ended before a request was sent to it. */
const GONE: WorkerExit = { code: 0, signal: null, stderr: '' };

export interface ReplicaOptions {
  id: string;
  device: DeviceState;
  devices: Devices;
  /** What it was started for, to tell it from one that an operator wishes otherwise. */
  wish: string;
  /** What it will hold of the device's memory: measured by earlier ones, or the catalog's estimate. */
  expectedBytes: () => number;
  /** Requests the worker interleaves. */
  capacity: number;
  /** Milliseconds without a request after which it is unloaded; 0 = never. */
  idleTimeoutMs: () => number;
  requestTimeoutMs: number;
  createWorker: () => WorkerProcess;
  /** A pinned replica is not unloaded for being idle, nor to make room. */
  isPinned: () => boolean;
  /** Requests wait for one like it. */
  isAwaited: () => boolean;
  /** What it held after loading, and at most; `seconds`: after a load, how long that took. */
  onMeasured(measured: { loaded: number; peak: number; seconds?: number }): void;
  /** Memory of a GPU that did not come back after its end. */
  onResidue(bytes: number): void;
  /** Its process has ended, and it is known what became of its memory. */
  onReleased(proof: ReleaseProof): void;
  /** Its process ended though nobody wished it: it crashed, and is not `failed` for that yet, or a request did not fit. */
  onLost(): void;
  log: Logger;
  onChange: () => void;
}

type EndedProcess = Omit<ReleaseProof, 'memory_after_bytes' | 'residue_bytes' | 'seconds' | 'passed'>;

export interface ReplicaRun extends RunRequest {
  signal: AbortSignal;
  /** It may take as long as it takes. */
  unlimited?: boolean | undefined;
  /** Instead of `idleTimeoutMs`, from the end of this request on; Infinity = never. */
  keepAliveMs?: number | undefined;
}

/** A run lost to a crash; `blamesInput`: it ran alone and the worker died of something an input can cause. */
export class LostRun extends Error {
  override readonly name = 'LostRun';
  readonly blamesInput: boolean;
  constructor(crash: WorkerCrash, blamesInput: boolean) {
    super(crash.message, { cause: crash });
    this.blamesInput = blamesInput;
  }
}

export class Replica {
  readonly id: string;
  readonly device: DeviceState;
  readonly capacity: number;
  readonly #options: ReplicaOptions;
  /** Runs now in the worker; a run's flag turns true when another one ever overlapped it. */
  readonly #running = new Set<{ overlapped: boolean }>();
  #state: ReplicaState = 'stopped';
  #failure: GatewayError | undefined;
  /** Who asks meanwhile hears so; after crashes the next start is waited for. */
  #couldNotLoad = false;
  #worker: WorkerProcess | undefined;
  #starting: Promise<WorkerProcess> | undefined;
  #stopping: Promise<void> | undefined;
  #closed = false;
  #crashesInARow = 0;
  #retryAt = 0;
  #oomKillsAtStart: number | undefined;
  #oomKilled = false;
  #startedAt: number | undefined;
  /** Of its process (CPU) or its device (GPU): now, and at most. */
  #heldBytes: number | undefined;
  #peakBytes = 0;
  #residueBytes: number | undefined;
  #lastUsedAt = Date.now();
  #keepAliveMs: number | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  /** Places given to requests, which may not have reached the worker yet, or be on their way back. */
  #claimed = 0;
  /** It takes no more requests and is stopped once those in it are done. */
  #retiring = false;
  /** It is retiring because a request did not fit beside what it holds. */
  #recycled = false;
  /** A start that waits for its turn shall not begin. */
  #startIsUnwanted = false;
  #released = Promise.resolve();
  /** Of a stop: when it was asked for (milliseconds), and what was in use on the device then. */
  #stop: { askedAt: number; usedBytes: number | undefined } | undefined;

  constructor(options: ReplicaOptions) {
    this.id = options.id;
    this.device = options.device;
    this.capacity = options.capacity;
    this.#options = options;
  }

  get state(): ReplicaState {
    return this.#state;
  }

  get released(): Promise<void> {
    return this.#released;
  }

  get wish(): string {
    return this.#options.wish;
  }

  get inFlight(): number {
    return this.#running.size;
  }

  /** Places left for requests. */
  get free(): number {
    return Math.max(0, this.capacity - this.#claimed);
  }

  /** It may be given requests now. */
  get isServing(): boolean {
    return this.#state === 'ready' && !this.#retiring;
  }

  /** It has a process or is about to have one, and shall go on. */
  get isLive(): boolean {
    return (this.#state === 'ready' || this.#starting !== undefined) && !this.#retiring && !this.#startIsUnwanted;
  }

  /** As placement sees it, from the moment it was asked to start; undefined without a process. */
  get resident(): Resident | undefined {
    const { id, device, expectedBytes, isPinned, isAwaited } = this.#options;
    const isDown = this.#state === 'stopped' || this.#state === 'failed';
    if (isDown && this.#starting === undefined) return undefined;
    return {
      id,
      model: id.slice(0, id.lastIndexOf('#')),
      device: device.id,
      bytes: Math.max(expectedBytes(), this.#seenBytes),
      state: this.#state === 'ready' || this.#state === 'stopping' ? this.#state : 'starting',
      busy: this.#claimed > 0 || isAwaited(),
      pinned: isPinned(),
      lastUsedAt: this.#lastUsedAt,
    };
  }

  /** Its share of the device's use. */
  get #seenBytes(): number {
    return this.#heldBytes ?? this.#options.devices.takenBy(this.id, this.device.id);
  }

  /** Promised to it and not seen in the device's use yet. */
  get reservedBytes(): number {
    const resident = this.resident;
    return resident === undefined ? 0 : resident.bytes - this.#seenBytes;
  }

  describe() {
    const { id, device, expectedBytes, isPinned } = this.#options;
    return {
      id,
      device: device.id,
      device_index: device.index,
      state: this.#state,
      reason: this.#failure?.message ?? null,
      in_flight: this.#running.size,
      pid: this.#state === 'ready' || this.#state === 'starting' ? (this.#worker?.pid ?? null) : null,
      started_at: this.#startedAt ?? null,
      last_used_at: Math.floor(this.#lastUsedAt / 1000),
      pinned: isPinned(),
      expected_bytes: expectedBytes(),
      resident_bytes: this.#heldBytes ?? null,
      peak_bytes: this.#peakBytes || null,
      residue_bytes: this.#residueBytes ?? null,
      crashes_in_a_row: this.#crashesInARow,
    };
  }

  /** Starts the worker unless it runs or starts already. @throws model_load_failed */
  ensureReady(): Promise<WorkerProcess> {
    if (this.#state === 'ready' && this.#worker !== undefined) return Promise.resolve(this.#worker);
    if (this.#starting === undefined) {
      this.#startIsUnwanted = false;
      this.#starting = this.#start().finally(() => {
        this.#starting = undefined;
        this.#options.onChange();
      });
    }
    return this.#starting;
  }

  /** Places for a request that comes: until `release` it is not ended for being idle, nor to make room. */
  claim(places: number): void {
    clearTimeout(this.#idleTimer);
    this.#claimed += places;
  }

  release(places: number): void {
    this.#claimed -= places;
    this.#lastUsedAt = Date.now();
    if (this.#claimed > 0) return;
    if (this.#retiring) void this.stop();
    else this.#armIdleTimer();
  }

  /**
   * Runs one request in a ready replica.
   * @throws LostRun when the worker died, before the request came included; request_timeout, client_closed_request, the
   * worker's error.
   */
  async run(request: ReplicaRun): Promise<Tasks[Task]['result']> {
    // Whoever starts it again must find room for it first.
    if (this.#worker === undefined || this.#state !== 'ready') throw new LostRun(new WorkerCrash(GONE), false);
    try {
      return await this.#runIn(this.#worker, request);
    } finally {
      this.#keepAliveMs = request.keepAliveMs;
    }
  }

  /** It may be ended for being idle from now on. */
  noteUnpinned(): void {
    this.#armIdleTimer();
  }

  /** Takes no more requests, and ends when those in it are done. */
  retire(): void {
    if (!this.isLive) return;
    this.#retiring = true;
    this.#options.onChange();
    if (this.#claimed === 0) void this.stop();
  }

  /** Its process, if it has one, has ended, and its memory is back or has had time enough for that. */
  async gone(): Promise<void> {
    await this.#worker?.exited;
    await this.#released;
  }

  /** Ends the process now: its requests are lost, and may be tried elsewhere. */
  kill(): void {
    this.#startIsUnwanted = this.#starting !== undefined;
    this.#worker?.kill();
  }

  /** Ends the pause after failures: whoever asks for it next has it tried at once. */
  endPause(): void {
    this.#retryAt = 0;
  }

  /** Unloads: requests already in the worker are cancelled. The replica can be started again. */
  async stop(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    this.#startIsUnwanted = this.#starting !== undefined;
    if (worker === undefined) {
      this.#retiring = false;
      return;
    }
    this.#stopping ??= (async () => {
      this.#setState('stopping');
      const askedAt = performance.now();
      // What else is in use there, to compare with afterwards.
      await this.#options.devices.refresh();
      this.#stop = { askedAt, usedBytes: this.#deviceUse() };
      await worker.stop(STOP_GRACE_MS);
      this.#setState('stopped');
    })().finally(() => {
      this.#stopping = undefined;
      this.#retiring = false;
      if (this.#recycled) this.#options.onLost();
      this.#recycled = false;
    });
    await this.#stopping;
  }

  /** Stops for good: nothing starts it again. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.stop();
  }

  async #start(): Promise<WorkerProcess> {
    await this.#stopping;
    const wait = this.#retryAt - Date.now();
    if (this.#couldNotLoad && this.#failure !== undefined && wait > 0) throw this.#failure;
    if (wait > 0) await sleep(wait);
    if (this.#closed) throw new GatewayError('shutting_down', { message: 'The server is shutting down.' });
    if (this.#startIsUnwanted) throw unloadedWhileLoading();

    this.#failure = undefined;
    this.#couldNotLoad = false;
    this.#residueBytes = undefined;
    this.#oomKillsAtStart = countOomKills();
    this.#oomKilled = false;
    this.#setState('starting');
    let wasKilled = false;
    let seconds = 0;
    const load = async () => {
      // The device may have been another's for minutes.
      if (this.#startIsUnwanted || this.#closed) throw unloadedWhileLoading();
      const startedAt = performance.now();
      const worker = this.#options.createWorker();
      this.#worker = worker;
      this.#options.onChange();
      void worker.exited.then((exit) => this.#onExit(worker, exit));
      worker.onHeartbeat = ({ residentBytes }) => this.#notePulse(residentBytes);
      try {
        const loaded = await worker.ready;
        seconds = Math.round(performance.now() - startedAt) / 1000;
        return loaded;
      } catch (error) {
        // What it took is given back before the next one is measured.
        const askedAt = performance.now();
        const { signal } = await worker.stop(STOP_GRACE_MS);
        wasKilled = signal === 'SIGKILL' && !worker.wasHung && performance.now() - askedAt < STOP_GRACE_MS;
        throw error;
      }
    };
    let measured: { result: { residentBytes: number }; grownBytes: number | undefined };
    try {
      measured = await this.#options.devices.measure(this.id, this.device.id, load);
    } catch (error) {
      if (this.#startIsUnwanted || this.#closed) {
        this.#setState('stopped');
        throw unloadedWhileLoading();
      }
      // Somebody killed it: that tells nothing of the model.
      if (wasKilled && this.#crashesInARow < FAILURES_IN_A_ROW) {
        this.#backOff();
        return this.#start();
      }
      throw this.#fail(toGatewayError(error));
    }
    const worker = this.#worker;
    if (this.#state !== 'starting') throw unloadedWhileLoading();
    if (worker === undefined) {
      const error = new GatewayError('model_load_failed', { message: 'Its worker ended as soon as it was loaded.' });
      throw this.#fail(error);
    }
    const ofProcess = worker.pid && this.#options.devices.usedByProcess(this.device.id, worker.pid);
    const held = this.device.kind === 'cpu' ? measured.result.residentBytes : (ofProcess ?? measured.grownBytes);
    // Where the driver told nothing, what is reserved for it stands for what it took.
    if (held === undefined) this.#hold(this.#options.expectedBytes());
    else {
      this.#hold(held);
      this.#peakBytes = held;
      this.#options.onMeasured({ loaded: held, peak: held, seconds });
    }
    this.#startedAt = Math.floor(Date.now() / 1000);
    this.#lastUsedAt = Date.now();
    this.#setState('ready');
    this.#armIdleTimer();
    return worker;
  }

  /** The process says how much it has (CPU); of a GPU's memory the driver knows, where it tells by process. */
  #notePulse(residentBytes: number): void {
    const { devices, onMeasured } = this.#options;
    const pid = this.#worker?.pid;
    const held = this.device.kind === 'cpu' ? residentBytes : pid && devices.usedByProcess(this.device.id, pid);
    if (held === undefined || held === 0 || this.#state !== 'ready') return;
    const loaded = this.#heldBytes ?? held;
    this.#hold(held);
    if (held <= this.#peakBytes) return;
    this.#peakBytes = held;
    onMeasured({ loaded, peak: held });
  }

  #hold(bytes: number | undefined): void {
    this.#heldBytes = bytes;
    this.#options.devices.hold(this.device.id, this.id, bytes ?? 0);
  }

  async #runIn(worker: WorkerProcess, request: ReplicaRun): Promise<Tasks[Task]['result']> {
    const mark = { overlapped: this.#running.size > 0 };
    for (const other of this.#running) other.overlapped = true;
    this.#running.add(mark);
    this.#options.onChange();

    const timeout = request.unlimited ? undefined : AbortSignal.timeout(this.#options.requestTimeoutMs);
    const stop = AbortSignal.any([request.signal, ...(timeout === undefined ? [] : [timeout])]);
    const { result, cancel } = worker.run(request);
    let killTimer: NodeJS.Timeout | undefined;
    const onStop = () => {
      cancel();
      killTimer = setTimeout(() => worker.kill(), CANCEL_GRACE_MS);
    };
    if (stop.aborted) onStop();
    stop.addEventListener('abort', onStop, { once: true });
    try {
      const value = await result;
      this.#crashesInARow = 0;
      return value;
    } catch (error) {
      if (request.signal.aborted) {
        throw new GatewayError('client_closed_request', { message: 'The client closed the connection.' });
      }
      if (timeout?.aborted) throw timedOut(this.#options.requestTimeoutMs);
      if (error instanceof GatewayError && error.code === 'out_of_memory') {
        this.#recycled = this.isLive;
        this.retire();
      }
      if (error instanceof WorkerCrash) throw new LostRun(error, !mark.overlapped && this.#inputCanCause(error.exit));
      throw error;
    } finally {
      stop.removeEventListener('abort', onStop);
      clearTimeout(killTimer);
      this.#running.delete(mark);
      this.#options.onChange();
    }
  }

  #onExit(worker: WorkerProcess, exit: WorkerExit): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#startedAt = undefined;
    const { askedAt, usedBytes } = this.#stop ?? { askedAt: performance.now(), usedBytes: this.#deviceUse() };
    const ended = {
      replica: this.id,
      device: this.device.id,
      at: Date.now() / 1000,
      cause:
        this.#stop !== undefined
          ? ('unloaded' as const)
          : this.#state === 'ready'
            ? ('crashed' as const)
            : ('load_failed' as const),
      exit_code: exit.code,
      exit_signal: exit.signal,
      held_bytes: this.#heldBytes ?? null,
      memory_before_bytes: usedBytes ?? null,
    };
    this.#stop = undefined;
    this.#hold(undefined);
    this.#released = this.#proveRelease(ended, askedAt);
    clearTimeout(this.#idleTimer);
    if (this.#state !== 'ready') return;
    this.#retiring = false;
    this.#options.log.error('worker crashed', {
      replica: this.id,
      code: exit.code,
      signal: exit.signal,
      out_of_memory: this.#oomKilled,
      hung: worker.wasHung,
      stderr: exit.stderr,
    });
    const pauseMs = this.#backOff();
    if (this.#crashesInARow >= FAILURES_IN_A_ROW) {
      const end = worker.wasHung ? 'it answered no more' : (exit.signal ?? `exit code ${exit.code}`);
      this.#failure = new GatewayError('model_load_failed', {
        message: `The model's worker ended ${this.#crashesInARow} times in a row (${end}).`,
        retryAfterSeconds: Math.ceil(pauseMs / 1000),
        detail: exit.stderr,
      });
      this.#setState('failed');
      return;
    }
    this.#setState('stopped');
    this.#options.onLost();
  }

  async #proveRelease(ended: EndedProcess, askedAt: number): Promise<void> {
    const { device, devices, onResidue, onReleased, onChange } = this.#options;
    const residue = await devices.proveRelease(device.id);
    const isCpu = device.kind === 'cpu';
    onReleased({
      ...ended,
      memory_after_bytes: (isCpu || residue === undefined ? undefined : this.#deviceUse()) ?? null,
      residue_bytes: residue ?? null,
      seconds: Math.round(performance.now() - askedAt) / 1000,
      // The memory of a process that has ended is the system's again.
      passed: isCpu ? true : residue === undefined ? null : residue === 0,
    });
    if (residue === undefined) return;
    this.#residueBytes = residue;
    if (residue > 0) onResidue(residue);
    onChange();
  }

  /** Of all programs, as last seen; of the machine's memory that would tell nothing. */
  #deviceUse(): number | undefined {
    const { device, devices } = this.#options;
    if (device.kind === 'cpu') return undefined;
    return devices.list().find(({ id }) => id === device.id)?.usedBytes;
  }

  /** Signals that bad input can raise; a bare SIGKILL comes from an operator or the kernel's memory killer. */
  #inputCanCause({ code, signal }: WorkerExit): boolean {
    if (signal === 'SIGKILL') {
      const kills = countOomKills();
      this.#oomKilled = kills !== undefined && this.#oomKillsAtStart !== undefined && kills > this.#oomKillsAtStart;
      return this.#oomKilled;
    }
    if (signal !== null) return ['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL'].includes(signal);
    return code !== 0 && code !== null;
  }

  /** @returns what whoever waits for it is told */
  #fail(error: GatewayError): GatewayError {
    this.#options.log.error('model failed to load', { replica: this.id, error: error.message, detail: error.detail });
    this.#couldNotLoad = true;
    const failure = new GatewayError('model_load_failed', {
      message: `The model could not be loaded: ${error.message}`,
      retryAfterSeconds: Math.ceil(this.#backOff() / 1000) || 1,
      detail: error.detail,
    });
    this.#failure = failure;
    this.#setState('failed');
    return failure;
  }

  /** @returns milliseconds until the next start is tried. */
  #backOff(): number {
    const delay =
      this.#crashesInARow === 0 ? 0 : Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** (this.#crashesInARow - 1));
    this.#crashesInARow += 1;
    this.#retryAt = Date.now() + delay;
    return delay;
  }

  #armIdleTimer(): void {
    clearTimeout(this.#idleTimer);
    const configured = this.#options.idleTimeoutMs();
    const idleMs = this.#keepAliveMs ?? (configured === 0 ? Number.POSITIVE_INFINITY : configured);
    if (idleMs === Number.POSITIVE_INFINITY || this.#claimed > 0 || this.#state !== 'ready') return;
    this.#idleTimer = setTimeout(() => {
      if (this.#claimed > 0 || this.#options.isPinned()) return;
      this.#options.log.info('model unloaded after being idle', { replica: this.id });
      void this.stop();
    }, idleMs);
    this.#idleTimer.unref();
  }

  #setState(state: ReplicaState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onChange();
  }
}

function unloadedWhileLoading(): GatewayError {
  return new GatewayError('model_loading', {
    message: 'The model was unloaded while it was loading. Try again.',
    retryAfterSeconds: 1,
  });
}

function timedOut(limitMs: number): GatewayError {
  return new GatewayError('request_timeout', {
    message: `The request took longer than the server's limit of ${limitMs / 1000} seconds and was cancelled.`,
  });
}
