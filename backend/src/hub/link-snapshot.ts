/** The names under which blobs are found: symlinks of a snapshot, refs of a repository. */
import { mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lock } from '../file-lock.ts';
import { linkTarget, lockPath, refPath, repoFolder, snapshotFile } from './cache-layout.ts';
import { replaceFile } from './disk.ts';
import type { HubFile } from './hub-listing.ts';
import { readRef } from './snapshot.ts';

/** Makes a blob that is complete appear in a snapshot. */
export async function linkFile(
  cacheDir: string,
  repo: string,
  commit: string,
  file: Pick<HubFile, 'path' | 'oid'>,
): Promise<void> {
  const path = snapshotFile(cacheDir, repo, commit, file.path);
  const target = linkTarget(file.path, file.oid);
  await mkdir(dirname(path), { recursive: true });
  try {
    await symlink(target, path);
  } catch (error) {
    if (!isExisting(error)) throw error;
    if ((await readlink(path).catch(() => undefined)) === target) return;
    // Something else under this name (a copy made where symlinks are not possible, a broken link): the blob is right.
    await rm(path, { recursive: true, force: true });
    await symlink(target, path);
  }
}

/** Notes which commit a branch or tag means. Last of all: with it the snapshot counts as downloaded. */
export async function writeRef(options: {
  cacheDir: string;
  repo: string;
  revision: string;
  commit: string;
  signal: AbortSignal;
}): Promise<void> {
  const { cacheDir, repo, revision, commit, signal } = options;
  using _ = await lock(lockPath(cacheDir, repo, 'refs'), { signal });
  if ((await readRef(cacheDir, repo, revision)) === commit) return;
  const path = refPath(cacheDir, repo, revision);
  await mkdir(dirname(path), { recursive: true });
  // Not inside refs/, where Python would take what a kill left of it for a ref.
  await replaceFile(path, join(repoFolder(cacheDir, repo), 'ref.partial'), commit);
}

function isExisting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}
