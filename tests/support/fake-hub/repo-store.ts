/** The fake hub's repositories: folders or literals, indexed once into commits whose ids follow from the content. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** Content of repositories by name, then by path: `{'org/name': {'config.json': '{}'}}`. */
export type RepoLiterals = Record<string, Record<string, string | Uint8Array>>;

export interface HubEntry {
  path: string;
  size: number;
  /** Git's blob id: of the content, or of the pointer file when the content is in LFS. */
  oid: string;
  lfs?: { oid: string; size: number; pointerSize: number };
  content: { file: string } | { bytes: Buffer };
}

export interface HubCommit {
  sha: string;
  /** By path, sorted. */
  entries: Map<string, HubEntry>;
}

export interface HubRepo {
  name: string;
  commits: Map<string, HubCommit>;
  /** Branch or tag → commit id. */
  refs: Map<string, string>;
}

export interface RepoStore {
  /** undefined when there is no such repository. */
  find(name: string): Promise<HubRepo | undefined>;
  /** Makes a commit on top of a revision (of `main` when it is new) and lets the revision mean it; null deletes. */
  move(name: string, revision: string, changes: Record<string, string | Uint8Array | null>): Promise<string>;
}

export interface RepoStoreOptions {
  /** Folder of `<org>/<name>/<files>`. */
  root?: string | undefined;
  repos?: RepoLiterals | undefined;
  /** Files from this size on, and every `.onnx`, are in LFS. */
  lfsBytes: number;
}

export function createRepoStore(options: RepoStoreOptions): RepoStore {
  const repos = new Map<string, Promise<HubRepo | undefined>>();

  function find(name: string): Promise<HubRepo | undefined> {
    let repo = repos.get(name);
    if (!repo) {
      repo = load(name);
      repos.set(name, repo);
    }
    return repo;
  }

  async function load(name: string): Promise<HubRepo | undefined> {
    const entries = [...(await fromFolder(name)), ...fromLiterals(options.repos?.[name] ?? {})];
    if (entries.length === 0) return undefined;
    const repo: HubRepo = { name, commits: new Map(), refs: new Map() };
    repo.refs.set('main', addCommit(repo, entries));
    return repo;
  }

  async function fromFolder(name: string): Promise<HubEntry[]> {
    if (options.root === undefined || !/^[\w.-]+\/[\w.-]+$/.test(name) || name.includes('..')) return [];
    const folder = join(options.root, name);
    const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return await Promise.all(
      files.map(async (file) => {
        const hashes = await hashFile(file);
        return describe(relative(folder, file).split(sep).join('/'), hashes, { file }, options.lfsBytes);
      }),
    );
  }

  function fromLiterals(files: Record<string, string | Uint8Array>): HubEntry[] {
    return Object.entries(files).map(([path, content]) => {
      const bytes = Buffer.from(content);
      return describe(path, hashBytes(bytes), { bytes }, options.lfsBytes);
    });
  }

  async function move(name: string, revision: string, changes: Record<string, string | Uint8Array | null>) {
    const repo = await find(name);
    const base = repo?.commits.get(repo.refs.get(revision) ?? repo.refs.get('main') ?? '');
    if (!repo || !base) throw new Error(`no repository ${name}`);
    const entries = new Map(base.entries);
    for (const [path, content] of Object.entries(changes)) {
      if (content === null) entries.delete(path);
      else for (const entry of fromLiterals({ [path]: content })) entries.set(path, entry);
    }
    const sha = addCommit(repo, [...entries.values()]);
    repo.refs.set(revision, sha);
    return sha;
  }

  return { find, move };
}

export function findCommit(repo: HubRepo, revision: string): HubCommit | undefined {
  return repo.commits.get(repo.refs.get(revision === 'HEAD' ? 'main' : revision) ?? revision);
}

function addCommit(repo: HubRepo, entries: HubEntry[]): string {
  const sorted = entries.sort((a, b) => (a.path < b.path ? -1 : 1));
  const sha = createHash('sha1')
    .update(sorted.map((entry) => `${entry.path}\0${entry.oid}\n`).join(''))
    .digest('hex');
  repo.commits.set(sha, { sha, entries: new Map(sorted.map((entry) => [entry.path, entry])) });
  return sha;
}

interface Hashes {
  size: number;
  sha256: string;
  gitSha1: string;
}

function describe(path: string, hashes: Hashes, content: HubEntry['content'], lfsBytes: number): HubEntry {
  const { size, sha256, gitSha1 } = hashes;
  if (size < lfsBytes && !path.endsWith('.onnx')) return { path, size, oid: gitSha1, content };
  // https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
  const pointer = Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`);
  const lfs = { oid: sha256, size, pointerSize: pointer.length };
  return { path, size, oid: hashBytes(pointer).gitSha1, lfs, content };
}

function hashBytes(bytes: Buffer): Hashes {
  return {
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    gitSha1: createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'),
  };
}

/** Shared by all fake hubs of a process: the reference material is hashed once. */
const known = new Map<string, Promise<Hashes>>();

async function hashFile(file: string): Promise<Hashes> {
  const { size, mtimeMs } = await stat(file);
  const key = `${file}\0${size}\0${mtimeMs}`;
  let hashes = known.get(key);
  if (!hashes) {
    hashes = streamHashes(file, size);
    known.set(key, hashes);
  }
  return await hashes;
}

async function streamHashes(file: string, size: number): Promise<Hashes> {
  const sha256 = createHash('sha256');
  const sha1 = createHash('sha1').update(`blob ${size}\0`);
  for await (const chunk of createReadStream(file)) {
    sha256.update(chunk);
    sha1.update(chunk);
  }
  return { size, sha256: sha256.digest('hex'), gitSha1: sha1.digest('hex') };
}
