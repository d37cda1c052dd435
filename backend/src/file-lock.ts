/**
 * An exclusive lock on a path that the kernel releases when its holder dies, whatever the way: it is SQLite's lock
 * on an empty database file, taken by `BEGIN EXCLUSIVE` and never followed by a write. It excludes other processes
 * on the same machine or the same file system, and other holders in this process.
 * Why not a pid file or an mtime: doc/decisions/0003-file-locks-by-sqlite.md.
 */
import { mkdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

export interface FileLock extends Disposable {
  readonly path: string;
  /** Lets the next one in. Calling it again does nothing. */
  release(): void;
}

export interface LockOptions {
  signal: AbortSignal;
  /** Milliseconds between two looks at a lock somebody else holds. */
  pollMs?: number;
}

/** https://sqlite.org/rescode.html#busy; the low byte of an extended result code is the primary one. */
const SQLITE_BUSY = 5;
/** Two callers that try at the same instant can both meet the other's half-taken lock: one of them waits this out. */
const COLLISION_MS = 5;
const DEFAULT_POLL_MS = 100;

/** A connection that is garbage-collected would drop its lock. */
const held = new Set<DatabaseSync>();

/**
 * The lock, or undefined when somebody else has it. Blocks for at most 5 ms. The file and its folders are created
 * and stay. Throws what SQLite says when the path cannot be opened or its file system knows no locks.
 */
export function tryLock(path: string): FileLock | undefined {
  mkdirSync(dirname(path), { recursive: true });
  return acquire(path, COLLISION_MS);
}

/** Waits for the lock; throws the signal's reason when that comes first. */
export async function lock(path: string, options: LockOptions): Promise<FileLock> {
  const { signal, pollMs = DEFAULT_POLL_MS } = options;
  signal.throwIfAborted();
  await mkdir(dirname(path), { recursive: true });
  for (;;) {
    const acquired = acquire(path, 0);
    if (acquired) return acquired;
    // Uneven waits, so that two waiters do not collide again and again.
    await sleep(pollMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
    signal.throwIfAborted();
  }
}

function acquire(path: string, busyMs: number): FileLock | undefined {
  const database = new DatabaseSync(path, { timeout: busyMs });
  try {
    // In memory: no `-journal` file appears beside the lock.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  held.add(database);
  const release = () => {
    if (held.delete(database)) database.close();
  };
  return { path, release, [Symbol.dispose]: release };
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    (error.errcode & 0xff) === SQLITE_BUSY
  );
}
