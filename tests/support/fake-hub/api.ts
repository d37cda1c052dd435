/** The JSON part of the hub: model info, listings. Shapes: https://huggingface.co/docs/hub/api */
import type { HubCommit, HubEntry, HubRepo } from './repo-store.ts';

export function modelInfo(repo: HubRepo, commit: HubCommit, gated: boolean): object {
  return {
    _id: commit.sha.slice(0, 24),
    id: repo.name,
    modelId: repo.name,
    author: repo.name.split('/')[0],
    sha: commit.sha,
    lastModified: DATE,
    private: false,
    gated: gated ? 'auto' : false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: ['onnx', 'license:apache-2.0'],
    siblings: [...commit.entries.keys()].map((rfilename) => ({ rfilename })),
  };
}

export interface TreeQuery {
  /** Folder to list, '' for all. */
  path: string;
  recursive: boolean;
  expand: boolean;
}

/** Files and folders, sorted by path. */
export function listTree(commit: HubCommit, query: TreeQuery): object[] {
  const prefix = query.path === '' ? '' : `${query.path}/`;
  const items = new Map<string, object>();
  for (const entry of commit.entries.values()) {
    if (!entry.path.startsWith(prefix)) continue;
    const parts = entry.path.slice(prefix.length).split('/');
    for (let depth = 1; depth < parts.length && (query.recursive || depth === 1); depth++) {
      const path = prefix + parts.slice(0, depth).join('/');
      items.set(path, { type: 'directory', oid: commit.sha, size: 0, path });
    }
    if (query.recursive || parts.length === 1) items.set(entry.path, fileItem(entry, commit, query.expand));
  }
  return [...items.keys()].sort().map((path) => items.get(path) ?? {});
}

/** The answer of `paths-info`: what is not there is left out. */
export function listPaths(commit: HubCommit, paths: readonly string[], expand: boolean): object[] {
  const entries = paths.map((path) => commit.entries.get(path));
  return entries.filter((entry) => entry !== undefined).map((entry) => fileItem(entry, commit, expand));
}

function fileItem({ path, size, oid, lfs }: HubEntry, commit: HubCommit, expand: boolean): object {
  const lastCommit = { id: commit.sha, title: 'Add files', date: DATE };
  const extra = expand ? { lastCommit, securityFileStatus: { status: 'safe' } } : {};
  return { type: 'file', oid, size, path, ...(lfs && { lfs }), ...extra };
}

const DATE = '2026-01-01T00:00:00.000Z';
