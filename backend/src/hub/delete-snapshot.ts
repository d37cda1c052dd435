/**
 * Deletes files of a repository from the cache: their links, the blobs that no snapshot links any more, refs and derived
 * graphs of snapshots that are gone, and what unfinished downloads left. Nothing outside of the repository's own folder is
 * touched, whatever links lie in it.
 */
import type { Stats } from 'node:fs';
import { lstat, readdir, readlink, realpath, rm, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { GatewayError } from '../errors.ts';
import { type FileLock, lock, tryLock } from '../file-lock.ts';
import { lockPath, repoFolder, snapshotFile, snapshotFolder } from './cache-layout.ts';
import { checkRepoFiles, isCommit } from './hub-names.ts';
import { ignoreMissing } from './ignore-missing.ts';
import { readRefs } from './inventory.ts';
import type { SnapshotQuery } from './snapshot.ts';

/** Files that must stay. */
export interface KeptFiles {
  repo: string;
  /** undefined: whatever the commit, since they are being downloaded. */
  commit: string | undefined;
  files: readonly string[];
}

export interface DeleteOptions extends SnapshotQuery {
  cacheDir: string;
  keep: readonly KeptFiles[];
  signal: AbortSignal;
}

/** What belongs to one deletion. */
interface Deletion {
  /** The repository's folder, free of links. */
  root: string;
  options: DeleteOptions;
  /** Those of this repository. */
  keep: readonly KeptFiles[];
  /** Deleted bytes by device and inode: a blob and the derived graph's hard link to it are one file. */
  deleted: Map<string, number>;
}

/** Of a repository's folder. */
const PARTS = ['snapshots', 'refs', 'derived', 'blobs'];

/**
 * The files in the snapshots that the revision means, and in those that no branch or tag means (a moved branch and a
 * download that broke off leave such). Files that others put beside them stay, and so does a blob that another snapshot links.
 * @returns bytes deleted. @throws model_files_elsewhere when a folder is a link out of the cache; invalid_value.
 */
export async function deleteSnapshot(asked: DeleteOptions): Promise<number> {
  checkRepoFiles(asked);
  const cacheDir = await realpath(asked.cacheDir).catch(ignoreMissing);
  if (cacheDir === undefined) return 0;
  const options = { ...asked, cacheDir };
  const root = await ownFolder(repoFolder(cacheDir, options.repo));
  if (root === undefined) return 0;
  await Promise.all(PARTS.map((part) => ownFolder(join(root, part))));
  const keep = options.keep.filter(({ repo }) => repo === options.repo);
  const deletion: Deletion = { root, options, keep, deleted: new Map() };
  const blobs = new Set<string>();
  for (const commit of await commitsOf(options)) {
    for (const file of options.files) {
      if (!isKept(deletion, commit, file)) await deleteLink(deletion, commit, file, blobs);
    }
    await finishCommit(deletion, commit);
  }
  await deleteBlobs(deletion, blobs);
  if (keep.length === 0) await removeEmptyFolders(root, [...PARTS, '']);
  return [...deletion.deleted.values()].reduce((sum, bytes) => sum + bytes, 0);
}

async function commitsOf({ cacheDir, repo, revision }: DeleteOptions): Promise<string[]> {
  if (isCommit(revision)) return [revision];
  const refs = await readRefs(cacheDir, repo);
  const snapshots = (await namesIn(join(repoFolder(cacheDir, repo), 'snapshots'))).filter(isCommit);
  return snapshots.filter((commit) => {
    const names = refs.filter((ref) => ref.commit === commit).map(({ name }) => name);
    return names.length === 0 || names.includes(revision);
  });
}

function isKept({ keep }: Deletion, commit: string, file: string): boolean {
  return keep.some((kept) => (kept.commit ?? commit) === commit && kept.files.includes(file));
}

/** Notes the blob it leads to in `blobs`. */
async function deleteLink({ root, options, deleted }: Deletion, commit: string, file: string, blobs: Set<string>) {
  const path = snapshotFile(options.cacheDir, options.repo, commit, file);
  const folder = await ownFolder(dirname(path));
  const found = await lstat(path).catch(ignoreMissing);
  if (folder === undefined || found === undefined || found.isDirectory()) return;
  const target = found.isSymbolicLink() ? resolve(folder, await readlink(path)) : undefined;
  if (target !== undefined && dirname(target) === join(root, 'blobs')) blobs.add(basename(target));
  await unlink(path).catch(ignoreMissing);
  note(deleted, found);
}

/** Without its last file a snapshot goes, with its refs; without a model that needs it, what was derived from it. */
async function finishCommit({ root, options, keep, deleted }: Deletion, commit: string): Promise<void> {
  // A download may have made a folder that it is about to fill.
  if (isBeingDownloaded(keep)) return;
  const snapshot = snapshotFolder(options.cacheDir, options.repo, commit);
  const folders = new Set(options.files.flatMap(foldersOf));
  await removeEmptyFolders(snapshot, [...folders].sort().reverse());
  if (!keep.some((kept) => kept.commit === commit)) {
    const derived = await ownFolder(join(root, 'derived', commit));
    const files = derived === undefined ? [] : await filesUnder(derived);
    for (const path of files) note(deleted, await lstat(path).catch(ignoreMissing));
    // What `rm` meets of links, it unlinks.
    if (derived !== undefined) await rm(derived, { recursive: true, force: true });
  }
  if ((await lstat(snapshot).catch(ignoreMissing)) !== undefined) return;
  using _ = await lock(lockPath(options.cacheDir, options.repo, 'refs'), { signal: options.signal });
  const refs = await readRefs(options.cacheDir, options.repo);
  const gone = refs.filter((ref) => ref.commit === commit).map(({ name }) => join(root, 'refs', name));
  for (const path of gone) {
    if ((await ownFolder(dirname(path))) !== undefined) await unlink(path).catch(ignoreMissing);
  }
}

/** Those noted that no snapshot links any more, and the beginnings of others, unless somebody is at work on them. */
async function deleteBlobs({ root, options, keep, deleted }: Deletion, noted: ReadonlySet<string>): Promise<void> {
  const folder = await ownFolder(join(root, 'blobs'));
  if (folder === undefined) return;
  const linked = await linkedBlobs(root);
  const partials = isBeingDownloaded(keep) ? [] : (await namesIn(folder)).filter((name) => name.endsWith('.partial'));
  for (const name of [...[...noted].filter((oid) => !linked.has(oid)), ...partials]) {
    using held = holdBlob(options, name.replace(/\.partial$/, ''));
    if (held === undefined) continue;
    const path = join(folder, name);
    const found = await lstat(path).catch(ignoreMissing);
    if (found === undefined || found.isDirectory()) continue;
    await unlink(path).catch(ignoreMissing);
    note(deleted, found);
  }
}

function isBeingDownloaded(keep: readonly KeptFiles[]): boolean {
  return keep.some(({ commit }) => commit === undefined);
}

function holdBlob({ cacheDir, repo }: DeleteOptions, oid: string): FileLock | undefined {
  return tryLock(lockPath(cacheDir, repo, oid));
}

async function linkedBlobs(root: string): Promise<Set<string>> {
  const blobs = new Set<string>();
  for (const path of await filesUnder(join(root, 'snapshots'))) {
    const target = await readlink(path).catch(() => undefined);
    if (target !== undefined) blobs.add(basename(target));
  }
  return blobs;
}

/** Everything that is no folder, links included and never followed. */
async function filesUnder(folder: string): Promise<string[]> {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true }).catch(ignoreMissing)) ?? [];
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

/** Names relative to `root`, the inner ones first. */
async function removeEmptyFolders(root: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    // Not empty, gone already, or a link: all of them stay as they are.
    await rmdir(join(root, name)).catch(() => {});
  }
}

/** Of a file, the innermost first: `a/b/c.onnx` → `a/b`, `a`, ``. */
function foldersOf(file: string): string[] {
  const parts = file.split('/').slice(0, -1);
  return parts.map((_part, index) => parts.slice(0, parts.length - index).join('/')).concat('');
}

/** The folder itself where neither it nor one above it in the cache is a link; undefined where there is none. */
async function ownFolder(path: string): Promise<string | undefined> {
  const real = await realpath(path).catch(ignoreMissing);
  if (real === undefined || real === path) return real;
  throw new GatewayError('model_files_elsewhere', {
    message: 'A folder of this model in the cache is a link to another place. Delete the files there, and the link.',
    detail: { path, real },
  });
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(ignoreMissing)) ?? [];
}

function note(deleted: Map<string, number>, found: Stats | undefined): void {
  if (found?.isFile()) deleted.set(`${found.dev}:${found.ino}`, found.size);
}
