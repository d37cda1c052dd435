/** The gateway's side of one worker process: starts it, sends it requests, tells how it ended. */
import { type ChildProcess, fork } from 'node:child_process';
import { getPriority, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { GatewayError, isErrorCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RunInput, Task, Tasks } from '../models/define-model.ts';
import { offerToOomKiller } from './oom-kills.ts';
import type { FromWorker, LoadMessage, ToWorker, WireError } from './protocol.ts';

const WORKER_MAIN = fileURLToPath(new URL('./worker-main.ts', import.meta.url));
/** Last words kept for the log when a worker dies. */
const STDERR_TAIL_CHARACTERS = 4_096;
const STDERR_FLUSH_MS = 500;
/**
 * Workers take every core; the gateway, which needs little, must get its turn at once. With both cores of a machine
 * saturated, its event loop was late by 10 to 27 ms (p99) at equal priority and by 5 to 8 ms with this.
 */
const NICENESS = 5;
/** The scale's end. */
const LAZIEST = 19;
/**
 * glibc's allocator: large tensors go back to the system when they are freed, instead of growing what it keeps. Peak of a
 * long file beyond the model's memory, Whisper tiny: 293 → 222 MiB, at the same speed. Where the kernel leaves it to the
 * program (`madvise`, the usual setting), large ones lie in pages of 2 MiB: its encoder took a tenth less time, and no more memory.
 */
export const ALLOCATOR = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '4194304',
  MALLOC_TRIM_THRESHOLD_: '8388608',
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
};
const PING_INTERVAL_MS = 5_000;

export interface WorkerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** End of what it wrote to stderr. */
  stderr: string;
}

export interface RunRequest {
  input: RunInput;
  params: Tasks[Task]['params'];
  onEvent: (event: Tasks[Task]['event']) => void;
}

interface PendingRun {
  resolve(result: Tasks[Task]['result']): void;
  reject(error: GatewayError | WorkerCrash): void;
  onEvent: RunRequest['onEvent'];
}

/** The worker ended while a request was in it. The registry decides whether the request is tried again. */
export class WorkerCrash extends Error {
  override readonly name = 'WorkerCrash';
  readonly exit: WorkerExit;
  constructor(exit: WorkerExit) {
    super(`worker ended with ${exit.signal ?? `code ${exit.code}`}`);
    this.exit = exit;
  }
}

export interface WorkerProcessOptions {
  load: Omit<LoadMessage, 'type'>;
  environment: Record<string, string>;
  /** How long it may leave a ping unanswered, and take to load, before it is killed. A running graph answers none. */
  hungAfterMs: number;
  loadTimeoutMs: number;
  log: Logger;
}

export class WorkerProcess {
  /** Resolves when the model is loaded; rejects with `model_load_failed` or the worker's own reason. */
  readonly ready: Promise<{ residentBytes: number }>;
  /** Resolves when the process is gone, however it ended. */
  readonly exited: Promise<WorkerExit>;
  readonly #child: ChildProcess;
  readonly #log: Logger;
  readonly #runs = new Map<number, PendingRun>();
  #settleReady: { resolve(info: { residentBytes: number }): void; reject(error: unknown): void };
  #nextId = 1;
  #stderr = '';
  #exit: WorkerExit | undefined;
  #wasHung = false;
  #heardAt = 0;
  #pulse: NodeJS.Timeout | undefined;
  /** Told every few seconds how much memory it has. */
  onHeartbeat: (pulse: { residentBytes: number }) => void = () => {};

  constructor({ load, environment, hungAfterMs, loadTimeoutMs, log }: WorkerProcessOptions) {
    this.#log = log;
    const ready = Promise.withResolvers<{ residentBytes: number }>();
    this.ready = ready.promise;
    this.ready.catch(() => {});
    this.#settleReady = ready;
    this.#child = fork(WORKER_MAIN, [], {
      env: { ...ALLOCATOR, ...environment, ORT_DISABLE_TELEMETRY: '1' },
      execArgv: [],
      // Structured clone keeps NaN and infinities, which JSON would turn into null.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    stepBack(this.#child.pid);
    offerToOomKiller(this.#child.pid);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL_CHARACTERS);
    });
    this.#child.on('message', (message: FromWorker) => this.#receive(message));
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        if (this.#exit !== undefined) return;
        this.#exit = { code, signal, stderr: this.#stderr };
        this.#failAll(this.#exit);
        resolve(this.#exit);
      };
      // `close` comes after the last of stderr; a grandchild that holds the pipe must not delay the news for long.
      this.#child.once('exit', (code, signal) => setTimeout(end, STDERR_FLUSH_MS, code, signal).unref());
      this.#child.once('close', end);
      this.#child.once('error', (error) => {
        this.#stderr += error.message;
        if (this.#child.pid === undefined) end(null, null);
      });
    });
    this.#send({ type: 'load', ...load });
    this.#watch(hungAfterMs, loadTimeoutMs);
  }

  /** It was killed because it answered no more. */
  get wasHung(): boolean {
    return this.#wasHung;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Starts a request. `result` settles when the worker is done with it, also after `cancel`. */
  run({ input, params, onEvent }: RunRequest): { result: Promise<Tasks[Task]['result']>; cancel(): void } {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<Tasks[Task]['result']>();
    if (this.#exit !== undefined) return { result: Promise.reject(new WorkerCrash(this.#exit)), cancel: () => {} };
    this.#runs.set(id, { resolve, reject, onEvent });
    this.#send({ type: 'run', id, input, params });
    return { result: promise, cancel: () => this.#send({ type: 'cancel', id }) };
  }

  /** Asks the worker to end, and kills it when it has not after `graceMs`. */
  async stop(graceMs: number): Promise<WorkerExit> {
    this.#send({ type: 'shutdown' });
    const timer = setTimeout(() => this.kill(), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #watch(hungAfterMs: number, loadTimeoutMs: number): void {
    const startedAt = performance.now();
    this.#pulse = setInterval(
      () => {
        const now = performance.now();
        const isSilent = this.#heardAt === 0 ? now - startedAt > loadTimeoutMs : now - this.#heardAt > hungAfterMs;
        if (isSilent) {
          this.#wasHung = true;
          this.kill();
        } else if (this.#heardAt > 0) this.#send({ type: 'ping' });
      },
      Math.min(PING_INTERVAL_MS, hungAfterMs / 4, loadTimeoutMs / 4),
    );
    this.#pulse.unref();
    void this.exited.then(() => clearInterval(this.#pulse));
  }

  #send(message: ToWorker): void {
    // The callback form reports a closed channel there; `exited` is what the caller acts on.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #receive(message: FromWorker): void {
    if (message.type === 'ready' || message.type === 'pong') this.#heardAt = performance.now();
    if (message.type === 'ready') this.#settleReady.resolve({ residentBytes: message.residentBytes });
    else if (message.type === 'pong') this.onHeartbeat({ residentBytes: message.residentBytes });
    else if (message.type === 'load-failed') this.#settleReady.reject(fromWire(message.error));
    else if (message.type === 'log') this.#log.info(message.message, { ...message.fields, worker_pid: this.pid });
    else if (message.type === 'event') this.#runs.get(message.id)?.onEvent(message.event);
    else {
      const run = this.#runs.get(message.id);
      this.#runs.delete(message.id);
      if (message.type === 'result') run?.resolve(message.result);
      else run?.reject(fromWire(message.error));
    }
  }

  #failAll(exit: WorkerExit): void {
    const crash = new WorkerCrash(exit);
    this.#settleReady.reject(
      new GatewayError('model_load_failed', {
        message: `The model's worker ended while loading (${exit.signal ?? `exit code ${exit.code}`}).`,
        detail: exit.stderr,
      }),
    );
    for (const run of this.#runs.values()) run.reject(crash);
    this.#runs.clear();
  }
}

/** Threads it starts later, and ffmpeg, inherit it. */
function stepBack(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, Math.min(LAZIEST, getPriority() + NICENESS));
  } catch {
    // A sandbox may forbid it; the worker works all the same.
  }
}

function fromWire(error: WireError): GatewayError {
  return new GatewayError(isErrorCode(error.code) ? error.code : 'internal_error', {
    message: error.message,
    param: error.param,
    detail: error.detail,
  });
}
