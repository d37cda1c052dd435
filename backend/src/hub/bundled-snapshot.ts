/**
 * Models that ship with the gateway. They are put into the cache as the hub's are, so that whoever works with a snapshot
 * (identity, derived graphs, workers) need not know of them; where the disk allows it, the copy takes no room.
 */
import { createHash } from 'node:crypto';
import { constants, copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { hashFile } from '../hash-file.ts';
import { blobPath, blobsFolder } from './cache-layout.ts';
import { ignoreMissing } from './ignore-missing.ts';
import { linkFile, writeRef } from './link-snapshot.ts';
import { findSnapshot, type Snapshot, type SnapshotQuery } from './snapshot.ts';

export interface BundledModels {
  /**
   * The snapshot, put into the cache if need be; undefined where this installation does not have the folder or a file.
   * @throws what writing to the cache does.
   */
  find(query: SnapshotQuery): Promise<Snapshot | undefined>;
}

interface BundledFile {
  /** Inside the repository, `/`-separated. */
  path: string;
  source: string;
  /** SHA-256 of its content. */
  oid: string;
  size: number;
}

interface Bundle {
  /** Of paths and contents: another version of a model is another commit. */
  commit: string;
  files: readonly BundledFile[];
}

/** What a model was made with, and what shows it at work; not part of it. */
const BESIDE = /^(training|example|held-out)\//;

/** `root`: folder that holds a bundled repository under its name. */
export function createBundledModels({ root, cacheDir }: { root: string; cacheDir: string }): BundledModels {
  const bundles = new Map<string, Promise<Bundle | undefined>>();
  const installations = new Map<string, Promise<void>>();

  function bundleOf(repo: string): Promise<Bundle | undefined> {
    const known = bundles.get(repo) ?? readBundle(join(root, repo));
    bundles.set(repo, known);
    return known;
  }

  async function install(query: SnapshotQuery, { commit, files }: Bundle): Promise<void> {
    const { repo, revision } = query;
    await mkdir(blobsFolder(cacheDir, repo), { recursive: true });
    for (const file of files) {
      await copyBlob(file, blobPath(cacheDir, repo, file.oid));
      await linkFile(cacheDir, repo, commit, file);
    }
    await writeRef({ cacheDir, repo, revision, commit, signal: AbortSignal.timeout(LOCK_WAIT_MS) });
  }

  return {
    async find(query) {
      const bundle = await bundleOf(query.repo);
      if (bundle === undefined || !query.files.every((path) => bundle.files.some((file) => file.path === path))) {
        return undefined;
      }
      const installed = { ...query, revision: bundle.commit };
      const found = await findSnapshot(cacheDir, installed);
      if (found !== undefined) return found;
      const running = installations.get(query.repo) ?? install(query, bundle);
      installations.set(query.repo, running);
      try {
        await running;
      } finally {
        installations.delete(query.repo);
      }
      return findSnapshot(cacheDir, installed);
    },
  };
}

const LOCK_WAIT_MS = 10_000;

async function readBundle(folder: string): Promise<Bundle | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(ignoreMissing);
  if (entries === undefined) return undefined;
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)).replaceAll(sep, '/'))
    .filter((path) => !BESIDE.test(path))
    .sort();
  const files: BundledFile[] = [];
  for (const path of paths) {
    const source = join(folder, path);
    files.push({ path, source, oid: await hashFile(source), size: (await stat(source)).size });
  }
  const hash = createHash('sha256');
  for (const { path, oid } of files) hash.update(`${path}\0${oid}\n`);
  return { commit: hash.digest('hex').slice(0, COMMIT_LENGTH), files };
}

/** Hexadecimal digits of a commit on the hub. */
const COMMIT_LENGTH = 40;

/** It appears under its name when it is complete; another gateway may do the same at the same time. */
async function copyBlob({ source, oid, size }: BundledFile, path: string): Promise<void> {
  if ((await stat(path).catch(ignoreMissing))?.size === size) return;
  const partial = `${path}.${process.pid}.copy`;
  try {
    await copyFile(source, partial, constants.COPYFILE_FICLONE);
    if ((await hashFile(partial)) !== oid) throw new Error(`${source} changed while it was copied`);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}
