/**
 * Where things lie in the model cache. The layout is Python huggingface_hub's, so both can use one cache:
 *
 *     models--org--name/blobs/<oid>                  content, named by its hash
 *     models--org--name/snapshots/<commit>/<file>    relative symlink to a blob
 *     models--org--name/refs/<branch or tag>         the commit it meant when last downloaded, no newline
 *     .locks/models--org--name/                      lock files
 *
 * `<oid>` is the sha256 of an LFS file and git's blob sha1 of any other.
 * Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */
import { join } from 'node:path';
import { checkFilePath, checkRepo, checkRevision } from './hub-names.ts';

const REPO_PREFIX = 'models--';

/** Throws `invalid_value` for a name that is not a repository's. */
export function repoFolder(cacheDir: string, repo: string): string {
  return join(cacheDir, repoFolderName(repo));
}

/** The repository a folder of the cache belongs to; undefined for anything that is not a model's folder. */
export function repoOfFolder(folderName: string): string | undefined {
  if (!folderName.startsWith(REPO_PREFIX)) return undefined;
  const repo = folderName.slice(REPO_PREFIX.length).replace('--', '/');
  try {
    checkRepo(repo);
    return repo;
  } catch {
    return undefined;
  }
}

export function blobsFolder(cacheDir: string, repo: string): string {
  return join(repoFolder(cacheDir, repo), 'blobs');
}

export function blobPath(cacheDir: string, repo: string, oid: string): string {
  return join(blobsFolder(cacheDir, repo), oid);
}

/** The bytes so far of an unfinished blob. Not Python's `.incomplete`: neither may write into the other's. */
export function partialPath(cacheDir: string, repo: string, oid: string): string {
  return `${blobPath(cacheDir, repo, oid)}.partial`;
}

export function snapshotFolder(cacheDir: string, repo: string, commit: string): string {
  checkRevision(commit);
  return join(repoFolder(cacheDir, repo), 'snapshots', commit);
}

export function snapshotFile(cacheDir: string, repo: string, commit: string, file: string): string {
  checkFilePath(file);
  return join(snapshotFolder(cacheDir, repo, commit), file);
}

/** What the symlink of a file holds: relative, so that the cache can be moved or mounted elsewhere. */
export function linkTarget(file: string, oid: string): string {
  const foldersUp = 1 + file.split('/').length;
  return `${'../'.repeat(foldersUp)}blobs/${oid}`;
}

export function refPath(cacheDir: string, repo: string, revision: string): string {
  checkRevision(revision);
  return join(repoFolder(cacheDir, repo), 'refs', revision);
}

/** Not Python's `<oid>.lock`: that one is an `flock`, which this kind of lock would not see. */
export function lockPath(cacheDir: string, repo: string, name: string): string {
  return join(cacheDir, '.locks', repoFolderName(repo), `${name}.sqlite.lock`);
}

function repoFolderName(repo: string): string {
  checkRepo(repo);
  return `${REPO_PREFIX}${repo.replace('/', '--')}`;
}
