import { mkdir, stat } from 'node:fs/promises';
import { blobPath, partialPath } from './cache-layout.ts';
import { requireFreeBytes } from './disk.ts';
import { downloadBlob } from './download-blob.ts';
import { forEachLimited } from './for-each-limited.ts';
import { type HubFile, listHubFiles, resolveCommit } from './hub-listing.ts';
import { checkRepoFiles, isCommit } from './hub-names.ts';
import { createHubSession, type HubSessionOptions } from './hub-session.ts';
import { ignoreMissing } from './ignore-missing.ts';
import { linkFile, writeRef } from './link-snapshot.ts';
import { type BytesSource, createProgress, type DownloadProgress } from './progress.ts';
import { findSnapshot, type Snapshot } from './snapshot.ts';

export interface DownloadOptions extends HubSessionOptions {
  /** The model cache; created when absent. */
  cacheDir: string;
  /** Paths inside the repository, `/`-separated: exactly these are downloaded. */
  files: readonly string[];
  /** Called at most four times a second, and once at the end. */
  onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Bytes that must stay free on the cache's disk. */
  minFreeBytes?: number | undefined;
}

/** Small files wait for answers, large ones for the line: a few at a time use both. */
const FILES_AT_A_TIME = 4;

/**
 * Brings the wanted files of a repository into the cache, all from the one commit the revision means at the start,
 * and returns where they are. What is in the cache is not fetched again, what is there in part is continued, and what
 * another process is downloading is waited for. For a revision that is a commit, a complete cache needs no network.
 *
 * Throws the signal's reason when aborted (what has arrived stays for the next call), else a GatewayError:
 * `invalid_value` for a name that cannot be one, `hub_not_found`, `hub_access_denied`, `hub_unreachable`,
 * `hub_integrity`, `insufficient_storage`.
 */
export async function downloadSnapshot(options: DownloadOptions): Promise<Snapshot> {
  const { cacheDir, repo, revision, files } = options;
  checkRepoFiles(options);
  options.signal.throwIfAborted();
  if (isCommit(revision)) {
    const present = await findSnapshot(cacheDir, options);
    if (present) return present;
  }
  const failed = new AbortController();
  const session = createHubSession({ ...options, signal: AbortSignal.any([options.signal, failed.signal]) });
  const commit = isCommit(revision) ? revision : await resolveCommit(session);
  const hubFiles = await listHubFiles(session, commit, files);
  await requireRoom(options, hubFiles);

  using progress = createProgress(sum(hubFiles.map((file) => file.size)), options.onProgress);
  await forEachLimited(hubFiles, FILES_AT_A_TIME, failed, async (file) => {
    const onBytes = (delta: number, source: BytesSource) => progress.add(file.path, delta, source);
    await downloadBlob({ session, cacheDir, commit, file, onBytes });
    progress.done(file.path);
    await linkFile(cacheDir, repo, commit, file);
  });
  if (!isCommit(revision)) await writeRef({ cacheDir, repo, revision, commit, signal: options.signal });
  progress.finish();

  const snapshot = await findSnapshot(cacheDir, { repo, revision: commit, files });
  if (!snapshot) throw new Error(`files of ${repo} were removed from the cache while they were downloaded`);
  return snapshot;
}

/** Checks the disk for what is still to come. */
async function requireRoom(options: DownloadOptions, files: readonly HubFile[]): Promise<void> {
  const { cacheDir, repo, minFreeBytes = 0 } = options;
  await mkdir(cacheDir, { recursive: true });
  const bytes = await missingBytes(cacheDir, repo, files);
  if (bytes > 0) await requireFreeBytes(cacheDir, bytes, minFreeBytes);
}

/** Bytes of the files that are not in the cache, unfinished ones as far as they are missing. Two paths can share one blob. */
export async function missingBytes(cacheDir: string, repo: string, files: readonly HubFile[]): Promise<number> {
  const sizes = new Map(files.map((file) => [file.oid, file.size]));
  const missing = [...sizes].map(async ([oid, size]) => {
    if ((await sizeOf(blobPath(cacheDir, repo, oid))) === size) return 0;
    return Math.max(0, size - (await sizeOf(partialPath(cacheDir, repo, oid))));
  });
  return sum(await Promise.all(missing));
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(ignoreMissing))?.size ?? 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
