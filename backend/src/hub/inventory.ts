/** What the model cache holds. It is read as found: a folder or link that is not as it should be counts as absent. */
import { lstat, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { blobsFolder, repoFolder, repoOfFolder } from './cache-layout.ts';
import { isCommit } from './hub-names.ts';
import { ignoreMissing } from './ignore-missing.ts';
import { readRef } from './snapshot.ts';

export interface CacheInventory {
  /** Bytes of all blobs and unfinished blobs. */
  bytes: number;
  /** Sorted by name. */
  repos: CachedRepo[];
}

export interface CachedRepo {
  /** `org/name`. */
  repo: string;
  /** Bytes its blobs take, unfinished ones included; a blob that several revisions share counts once. */
  bytes: number;
  /** Of those, bytes of unfinished blobs. */
  partialBytes: number;
  revisions: CachedRevision[];
}

export interface CachedRevision {
  commit: string;
  /** Branches and tags that meant this commit when they were last downloaded. */
  refs: string[];
  /** Bytes of its files. */
  bytes: number;
  /** Paths in the repository, sorted. */
  files: { path: string; bytes: number }[];
}

/** An absent cache folder is an empty cache. */
export async function readInventory(cacheDir: string): Promise<CacheInventory> {
  const repos: CachedRepo[] = [];
  for (const folder of await namesIn(cacheDir)) {
    const repo = repoOfFolder(folder);
    if (repo !== undefined) repos.push(await readRepo(cacheDir, repo));
  }
  repos.sort((a, b) => compare(a.repo, b.repo));
  return { bytes: sum(repos), repos };
}

async function readRepo(cacheDir: string, repo: string): Promise<CachedRepo> {
  const folder = repoFolder(cacheDir, repo);
  const blobs = await filesUnder(blobsFolder(cacheDir, repo));
  const refs = await readRefs(cacheDir, repo);
  const revisions: CachedRevision[] = [];
  for (const commit of (await namesIn(join(folder, 'snapshots'))).filter(isCommit)) {
    const files = await filesUnder(join(folder, 'snapshots', commit));
    const names = refs.filter((ref) => ref.commit === commit).map((ref) => ref.name);
    revisions.push({ commit, refs: names, bytes: sum(files), files });
  }
  // Python's unfinished blobs end in .incomplete.
  const partial = blobs.filter((blob) => /\.(partial|incomplete)$/.test(blob.path));
  return { repo, bytes: sum(blobs), partialBytes: sum(partial), revisions };
}

/** Branches and tags with the commits they meant when they were last downloaded. */
export async function readRefs(cacheDir: string, repo: string): Promise<{ name: string; commit: string }[]> {
  const refs: { name: string; commit: string }[] = [];
  for (const { path: name } of await filesUnder(join(repoFolder(cacheDir, repo), 'refs'))) {
    const commit = await readRef(cacheDir, repo, name).catch(() => undefined);
    if (commit !== undefined) refs.push({ name, commit });
  }
  return refs;
}

/** Files below a folder, links followed for their size but never as folders. */
async function filesUnder(root: string): Promise<{ path: string; bytes: number }[]> {
  const entries = (await readdir(root, { recursive: true, withFileTypes: true }).catch(ignoreMissing)) ?? [];
  const files: { path: string; bytes: number }[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    // Entries vanish while they are looked at: another process may be deleting or finishing them.
    const found = await (entry.isSymbolicLink() ? stat(path) : lstat(path)).catch(ignoreMissing);
    if (found?.isFile()) files.push({ path: relative(root, path).split(sep).join('/'), bytes: found.size });
  }
  return files.sort((a, b) => compare(a.path, b.path));
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(ignoreMissing)) ?? [];
}

function sum(items: readonly { bytes: number }[]): number {
  return items.reduce((total, item) => total + item.bytes, 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
