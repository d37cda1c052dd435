import { readFile, stat } from 'node:fs/promises';
import { refPath, snapshotFile, snapshotFolder } from './cache-layout.ts';
import { checkRepoFiles, isCommit } from './hub-names.ts';
import { ignoreMissing } from './ignore-missing.ts';

/** All wanted files of a repository at one commit, on disk. */
export interface Snapshot {
  /** 40 hexadecimal digits. */
  commit: string;
  /** Folder that holds the files under their paths in the repository. */
  dir: string;
}

export interface SnapshotQuery {
  /** `org/name` on the hub. */
  repo: string;
  /** Branch, tag or commit. */
  revision: string;
  /** Paths inside the repository, `/`-separated. */
  files: readonly string[];
}

/**
 * The snapshot of a revision when every wanted file is in the cache, without any network; else undefined. A branch or
 * tag means the commit it meant when it was last downloaded, by this program or by Python's huggingface_hub.
 * Throws `invalid_value` for a name that cannot be one.
 */
export async function findSnapshot(cacheDir: string, query: SnapshotQuery): Promise<Snapshot | undefined> {
  checkRepoFiles(query);
  const { repo, revision, files } = query;
  const commit = isCommit(revision) ? revision : await readRef(cacheDir, repo, revision);
  if (commit === undefined) return undefined;
  const present = await Promise.all(files.map((file) => isFile(snapshotFile(cacheDir, repo, commit, file))));
  return present.every(Boolean) ? { commit, dir: snapshotFolder(cacheDir, repo, commit) } : undefined;
}

/** The commit a branch or tag meant when it was last downloaded. */
export async function readRef(cacheDir: string, repo: string, revision: string): Promise<string | undefined> {
  const text = await readFile(refPath(cacheDir, repo, revision), 'utf8').catch(ignoreMissing);
  const commit = text?.trim();
  return commit !== undefined && isCommit(commit) ? commit : undefined;
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(ignoreMissing);
  return found?.isFile() ?? false;
}
