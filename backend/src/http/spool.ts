/**
 * Where uploads lie while they are worked on: `root/<process>/<upload>/`. Each process holds a lock on its folder, so
 * that the next start can tell what a killed one left behind.
 */
import { mkdir, mkdtemp, readdir, rm, rmdir, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type FileLock, lock, tryLock } from '../file-lock.ts';

const LOCK_SUFFIX = '.lock';
const OPENING = '.opening';
const OPEN_TIMEOUT_MS = 30_000;

export class Spool {
  readonly #dir: string;
  readonly #lock: FileLock;

  private constructor(dir: string, lock: FileLock) {
    this.#dir = dir;
    this.#lock = lock;
  }

  /** Removes what dead processes left under `root`, then makes this process's own folder. */
  static async open(root: string): Promise<Spool> {
    await mkdir(root, { recursive: true, mode: 0o700 });
    // Two starts at once must not take each other's new folder for a dead one's.
    using _opening = await lock(join(root, OPENING), { signal: AbortSignal.timeout(OPEN_TIMEOUT_MS) });
    await sweep(root);
    const dir = await mkdtemp(join(root, 'gateway-'));
    const own = tryLock(dir + LOCK_SUFFIX);
    if (own === undefined) throw new Error(`${dir}${LOCK_SUFFIX} is locked by another process`);
    return new Spool(dir, own);
  }

  get dir(): string {
    return this.#dir;
  }

  /** A fresh folder for one upload. */
  async createFolder(): Promise<{ dir: string; remove: () => Promise<void> }> {
    const dir = await mkdtemp(join(this.#dir, 'upload-'));
    return { dir, remove: () => removeFolder(dir) };
  }

  async close(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
    this.#lock.release();
    await rm(this.#dir + LOCK_SUFFIX, { force: true });
  }
}

/** Half the steps `rm` takes for the few plain files that are usually in it; `rm` for everything else. */
async function removeFolder(dir: string): Promise<void> {
  try {
    for (const name of await readdir(dir)) await unlink(join(dir, name));
    await rmdir(dir);
  } catch {
    // Retries: the file of an upload that broke off may come into being while its folder is removed.
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function sweep(root: string): Promise<void> {
  const names = await readdir(root);
  const owners = new Set(names.filter((name) => name !== OPENING).map((name) => basename(name, LOCK_SUFFIX)));
  for (const owner of owners) {
    const abandoned = tryLock(join(root, owner + LOCK_SUFFIX));
    if (abandoned === undefined) continue;
    await rm(join(root, owner), { recursive: true, force: true });
    await rm(join(root, owner + LOCK_SUFFIX), { force: true });
    abandoned.release();
  }
}
