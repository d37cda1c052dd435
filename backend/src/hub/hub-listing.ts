/** What the hub knows of a repository: the commit a revision means, the wanted files' sizes and hashes. */
import { type ListFileEntry, listFiles, modelInfo } from '@huggingface/hub';
import { GatewayError } from '../errors.ts';
import { filesMissing, integrityError } from './hub-error.ts';
import { isCommit } from './hub-names.ts';
import type { HubSession } from './hub-session.ts';

/** A file of a commit, with what its content must be. */
export interface HubFile {
  /** Path in the repository, `/`-separated. */
  path: string;
  /** Bytes. */
  size: number;
  /** How `oid` was made: an LFS file's sha256, or git's sha1 of `blob <size>\0` and the content. */
  hash: 'sha256' | 'git-sha1';
  /** Lower-case hexadecimal; the blob's name in the cache. */
  oid: string;
}

export interface HubModelInfo {
  commit: string;
  gated: false | 'auto' | 'manual';
  /** Of the model card. */
  license: string | null;
}

const LICENSE_TAG = 'license:';
const MAX_LICENSE = 100;
/** A repository of models has dozens; data sets have no end. */
const MAX_FILES = 10_000;
const OID = { sha256: /^[0-9a-f]{64}$/, 'git-sha1': /^[0-9a-f]{40}$/ };

/** The commit a branch or tag means now. Throws `hub_not_found`, `hub_access_denied`, `hub_unreachable`. */
export async function resolveCommit(session: HubSession): Promise<string> {
  return (await readModelInfo(session)).commit;
}

/** What the hub tells of a revision. Throws as above. */
export async function readModelInfo(session: HubSession): Promise<HubModelInfo> {
  const { endpoint, repo, revision, apiFetch } = session;
  const info = await understood(session, () =>
    modelInfo({ name: repo, revision, hubUrl: endpoint, fetch: apiFetch, additionalFields: ['sha', 'tags'] }),
  );
  if (!isCommit(info.sha)) throw integrityError(session, `revision "${revision}" is not a commit`);
  const license = info.tags?.find((tag) => tag.startsWith(LICENSE_TAG))?.slice(LICENSE_TAG.length, MAX_LICENSE);
  const gated = info.gated || false;
  session.heard({ gated });
  return { commit: info.sha, gated, license: license ?? null };
}

/** The wanted files of a commit. Throws `hub_not_found` naming those that are not there. */
export async function listHubFiles(session: HubSession, commit: string, wanted: readonly string[]): Promise<HubFile[]> {
  const missing = new Set(wanted);
  const found: HubFile[] = [];
  await understood(session, async () => {
    for await (const entry of listTree(session, commit)) {
      if (entry.type !== 'file' || !missing.delete(entry.path)) continue;
      found.push(parseEntry(entry, session));
      if (missing.size === 0) break;
    }
  });
  if (missing.size > 0) throw filesMissing(session, [...missing]);
  session.heard({ sizes: sizesOf(found) });
  return found;
}

/** Every file of a commit, but no more than `MAX_FILES`. Throws as above. */
export async function listAllFiles(session: HubSession, commit: string): Promise<HubFile[]> {
  const found: HubFile[] = [];
  await understood(session, async () => {
    for await (const entry of listTree(session, commit)) {
      if (entry.type === 'file') found.push(parseEntry(entry, session));
      if (found.length === MAX_FILES) break;
    }
  });
  session.heard({ sizes: sizesOf(found) });
  return found;
}

function sizesOf(files: readonly HubFile[]): Map<string, number> {
  return new Map(files.map(({ path, size }) => [path, size]));
}

/** Where a file's content is. */
export function resolveUrl(session: HubSession, commit: string, file: string): string {
  return `${session.endpoint}/${session.repo}/resolve/${commit}/${file.split('/').map(encodeURIComponent).join('/')}`;
}

function listTree({ endpoint, repo, apiFetch }: HubSession, commit: string) {
  const options = { repo: { type: 'model', name: repo }, revision: commit, recursive: true } as const;
  return listFiles({ ...options, hubUrl: endpoint, fetch: apiFetch });
}

/** The oid becomes a file name and the size a limit, so neither is taken as it comes. */
function parseEntry(entry: ListFileEntry, session: HubSession): HubFile {
  const hash = entry.lfs ? 'sha256' : 'git-sha1';
  const { oid, size } = entry.lfs ?? entry;
  if (typeof oid === 'string' && OID[hash].test(oid) && Number.isSafeInteger(size) && size >= 0) {
    return { path: entry.path, size, hash, oid };
  }
  throw integrityError(session, `its listing of "${entry.path}" has no usable hash and size`);
}

/** The client library trusts the shape of every answer: what it stumbles over was not a hub's. */
async function understood<T>(session: HubSession, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (session.signal.aborted || error instanceof GatewayError) throw error;
    throw new GatewayError('hub_unreachable', {
      message: `The configured hub endpoint did not answer as a model hub does for "${session.repo}".`,
      cause: error,
    });
  }
}
