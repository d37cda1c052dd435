/**
 * One model on one device: the single writer of its state, and owner of the worker process behind it.
 *
 *     stopped ─▶ starting ─▶ ready ─▶ stopping ─▶ stopped
 *                   └──▶ failed(reason)   (a crash while ready leads to stopped; the next request starts it again)
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../abortable.ts';
import { GatewayError, toGatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Task, Tasks } from '../models/define-model.ts';
import { countOomKills } from '../worker/oom-kills.ts';
import { type RunRequest, WorkerCrash, type WorkerExit, type WorkerProcess } from '../worker/worker-process.ts';
import { Slots } from './slots.ts';

export type ReplicaState = 'stopped' | 'starting' | 'ready' | 'stopping' | 'failed';

/** How long a worker may take to confirm a cancel, or to end when asked, before it is killed. */
const CANCEL_GRACE_MS = 10_000;
const STOP_GRACE_MS = 5_000;
/** First crash restarts at once, then 0.25 s, 0.5 s … up to 30 s. */
const BACKOFF_BASE_MS = 250;
const BACKOFF_MAX_MS = 30_000;

export interface ReplicaOptions {
  id: string;
  device: string;
  /** Requests the worker interleaves. */
  concurrency: number;
  /** 0 = never. */
  idleTimeoutMs: number;
  requestTimeoutMs: number;
  createWorker: () => WorkerProcess;
  /** A pinned replica is not unloaded for being idle. */
  isPinned: () => boolean;
  log: Logger;
  onChange: () => void;
}

export interface ReplicaRun extends RunRequest {
  signal: AbortSignal;
  /** Nothing else may be in the worker: how a request is retried whose worker crashed. */
  alone: boolean;
  /** It may take as long as it takes. */
  unlimited?: boolean | undefined;
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
  readonly device: string;
  readonly #options: ReplicaOptions;
  readonly #slots: Slots;
  /** Runs now in the worker; a run's flag turns true when another one ever overlapped it. */
  readonly #running = new Set<{ overlapped: boolean }>();
  #state: ReplicaState = 'stopped';
  #failure: GatewayError | undefined;
  #worker: WorkerProcess | undefined;
  #starting: Promise<WorkerProcess> | undefined;
  #stopping: Promise<void> | undefined;
  #closed = false;
  #crashesInARow = 0;
  #retryAt = 0;
  #oomKillsAtStart: number | undefined;
  #oomKilled = false;
  #startedAt: number | undefined;
  #residentBytes: number | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: ReplicaOptions) {
    this.id = options.id;
    this.device = options.device;
    this.#options = options;
    this.#slots = new Slots(options.concurrency);
  }

  get state(): ReplicaState {
    return this.#state;
  }

  get load(): number {
    return this.#running.size + this.#slots.waiting;
  }

  describe() {
    return {
      id: this.id,
      device: this.device,
      state: this.#state,
      reason: this.#failure?.message ?? null,
      in_flight: this.#running.size,
      queued: this.#slots.waiting,
      pid: this.#state === 'ready' || this.#state === 'starting' ? (this.#worker?.pid ?? null) : null,
      started_at: this.#startedAt ?? null,
      resident_bytes: this.#residentBytes ?? null,
      crashes_in_a_row: this.#crashesInARow,
    };
  }

  /** Starts the worker unless it runs or starts already. @throws model_load_failed */
  ensureReady(): Promise<WorkerProcess> {
    if (this.#state === 'ready' && this.#worker !== undefined) return Promise.resolve(this.#worker);
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  /** Runs one request. @throws LostRun when the worker died, request_timeout, client_closed_request, the worker's error. */
  async run(request: ReplicaRun): Promise<Tasks[Task]['result']> {
    clearTimeout(this.#idleTimer);
    const release = await this.#acquireSlots(request);
    try {
      const worker = await abortable(this.ensureReady(), request.signal);
      return await this.#runIn(worker, request);
    } finally {
      release();
      this.#armIdleTimer();
    }
  }

  /** Unloads: requests already in the worker are cancelled. The replica can be started again. */
  async stop(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#stopping ??= (async () => {
      this.#setState('stopping');
      await worker.stop(STOP_GRACE_MS);
      this.#setState('stopped');
    })().finally(() => {
      this.#stopping = undefined;
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
    if (this.#failure !== undefined && wait > 0) throw this.#failure;
    if (wait > 0) await sleep(wait);
    if (this.#closed) throw new GatewayError('shutting_down', { message: 'The server is shutting down.' });

    this.#failure = undefined;
    this.#oomKillsAtStart = countOomKills();
    this.#oomKilled = false;
    const worker = this.#options.createWorker();
    this.#worker = worker;
    this.#setState('starting');
    void worker.exited.then((exit) => this.#onExit(worker, exit));
    try {
      const { residentBytes } = await worker.ready;
      this.#residentBytes = residentBytes;
    } catch (error) {
      if (this.#stopping !== undefined) throw unloadedWhileLoading();
      this.#fail(toGatewayError(error));
      await worker.stop(STOP_GRACE_MS);
      throw this.#failure ?? error;
    }
    this.#startedAt = Math.floor(Date.now() / 1000);
    this.#setState('ready');
    this.#armIdleTimer();
    return worker;
  }

  /** The queue's length is part of what `describe` tells: who begins or gives up waiting changes it. */
  async #acquireSlots({ alone, signal }: ReplicaRun): Promise<() => void> {
    const before = this.#slots.waiting;
    const acquired = this.#slots.acquire(alone ? this.#slots.capacity : 1, signal);
    if (this.#slots.waiting === before) return await acquired;
    this.#options.onChange();
    try {
      return await acquired;
    } catch (error) {
      this.#options.onChange();
      throw error;
    }
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
    this.#residentBytes = undefined;
    clearTimeout(this.#idleTimer);
    if (this.#state !== 'ready') return;
    this.#options.log.error('worker crashed', {
      replica: this.id,
      code: exit.code,
      signal: exit.signal,
      out_of_memory: this.#oomKilled,
      stderr: exit.stderr,
    });
    this.#backOff();
    this.#setState('stopped');
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

  #fail(error: GatewayError): void {
    this.#options.log.error('model failed to load', { replica: this.id, error: error.message, detail: error.detail });
    this.#failure = new GatewayError('model_load_failed', {
      message: `The model could not be loaded: ${error.message}`,
      retryAfterSeconds: Math.ceil(this.#backOff() / 1000) || 1,
      detail: error.detail,
    });
    this.#setState('failed');
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
    if (this.#options.idleTimeoutMs === 0 || this.load > 0 || this.#state !== 'ready') return;
    this.#idleTimer = setTimeout(() => {
      if (this.load > 0 || this.#options.isPinned()) return;
      this.#options.log.info('model unloaded after being idle', { replica: this.id });
      void this.stop();
    }, this.#options.idleTimeoutMs);
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
