/** Runs a short-lived program that may hang: bounded in time, output and how many may be left behind. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface ProgramLimits {
  /** All of its environment. */
  environment: Readonly<Record<string, string>>;
  timeoutMs: number;
  /** Of stdout and stderr together. */
  maxOutputBytes: number;
}

export interface ProgramEnd {
  /** null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A program that gave no result. Its message is the same every time, and names no path. */
export class ProgramFailure extends Error {
  override readonly name = 'ProgramFailure';
  readonly kind: 'missing' | 'timeout' | 'output' | 'stuck';
  constructor(kind: ProgramFailure['kind'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

/** A process in an uninterruptible call of the driver outlives SIGKILL; with so many of them no other is started. */
const MAX_LEFT_BEHIND = 4;

export class ProgramRunner {
  readonly #limits: ProgramLimits;
  readonly #killed = new Set<ChildProcess>();

  constructor(limits: ProgramLimits) {
    this.#limits = limits;
  }

  /** No shell. @throws ProgramFailure, or the signal's reason; the program and its children are killed then. */
  async run(program: string, args: readonly string[], signal: AbortSignal): Promise<ProgramEnd> {
    signal.throwIfAborted();
    if (this.#killed.size >= MAX_LEFT_BEHIND) {
      throw new ProgramFailure('stuck', 'earlier runs of it were killed and do not end: the driver hangs');
    }
    const { environment, timeoutMs, maxOutputBytes } = this.#limits;
    const { promise, resolve, reject } = Promise.withResolvers<ProgramEnd>();
    // A process group of its own, so that what it starts is killed with it.
    const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let size = 0;
    const collect = (stream: NodeJS.ReadableStream | null) => {
      const chunks: Buffer[] = [];
      stream?.on('data', (bytes: Buffer) => {
        size += bytes.length;
        if (size <= maxOutputBytes) chunks.push(bytes);
        else reject(new ProgramFailure('output', `it wrote more than ${maxOutputBytes} bytes`));
      });
      return () => Buffer.concat(chunks).toString('utf8');
    };
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.once('error', (error: NodeJS.ErrnoException) => {
      // Without a process there is no end to wait for.
      if (child.pid === undefined) reject(cannotStart(error));
    });
    child.once('exit', () => this.#killed.delete(child));
    child.once('close', (code) => resolve({ code, stdout: stdout(), stderr: stderr() }));
    const timer = setTimeout(() => {
      reject(new ProgramFailure('timeout', `it did not answer within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await promise;
    } catch (error) {
      this.#kill(child);
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  #kill(child: ChildProcess): void {
    if (child.pid === undefined) return;
    if (child.exitCode === null && child.signalCode === null) this.#killed.add(child);
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The whole group has ended already.
    }
    // What it still holds open must keep nobody waiting.
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

function cannotStart(error: NodeJS.ErrnoException): ProgramFailure {
  const reason =
    error.code === 'ENOENT' ? 'it was not found' : `it could not be started (${error.code ?? error.message})`;
  return new ProgramFailure('missing', reason, error);
}
