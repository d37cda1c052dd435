/** Checks of the names that become URLs and paths: a repository, a revision, a file of a repository. */
import { win32 } from 'node:path';
import { GatewayError } from '../errors.ts';

const REPO_PART = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?$/;
const REVISION_PART = /^[A-Za-z0-9_][A-Za-z0-9_.+@-]*$/;
const COMMIT = /^[0-9a-f]{40}$/;

const PAGE_HOSTS: ReadonlySet<string> = new Set(['huggingface.co', 'www.huggingface.co', 'hf.co']);
/** What else the hub has pages of. */
const NO_MODELS: ReadonlySet<string> = new Set(['datasets', 'spaces', 'papers', 'docs', 'collections', 'models']);

/** Whether a revision is a full commit id, so that it can never come to mean other content. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** Throws `invalid_value` unless it is `name` or `org/name` by the hub's own rules (no `--`, no `..`). */
export function checkRepo(repo: string): void {
  const parts = repo.split('/');
  const valid = parts.length <= 2 && parts.every((part) => REPO_PART.test(part) && !/--|\.\./.test(part));
  if (!valid) throw invalid('repo', `${quoted(repo)} is not a hub repository. Name it "org/name".`);
}

/**
 * A repository as people copy it: `org/name`, or the address of its page on the hub, which may name a revision.
 * @param endpoint the configured hub's address, beside huggingface.co
 * Throws `invalid_value`.
 */
export function parseRepoAddress(text: string, endpoint: string): { repo: string; revision: string | undefined } {
  const trimmed = text.trim();
  if (!trimmed.includes('://')) {
    checkRepo(trimmed);
    return { repo: trimmed, revision: undefined };
  }
  const url = URL.parse(trimmed);
  const home = new URL(endpoint);
  const isHub = url !== null && (PAGE_HOSTS.has(url.hostname) || url.host === home.host);
  const within = home.host === url?.host ? home.pathname.replace(/\/+$/, '') : '';
  const [org = '', name = '', verb, ...rest] = isHub ? url.pathname.slice(within.length).split('/').slice(1) : [];
  if (org === '' || name === '' || NO_MODELS.has(org)) {
    throw invalid('repo', `${quoted(trimmed)} is not the address of a model on the hub. Name it "org/name".`);
  }
  const repo = `${org}/${name}`;
  checkRepo(repo);
  const revision = verb === 'tree' || verb === 'blob' || verb === 'resolve' ? rest[0] : undefined;
  return { repo, revision: revision && decodeURIComponent(revision) };
}

/** Throws `invalid_value` unless it can be a branch, a tag or a commit. */
export function checkRevision(revision: string): void {
  const valid =
    revision.length <= 255 &&
    !revision.includes('..') &&
    revision.split('/').every((part) => REVISION_PART.test(part) && !part.endsWith('.lock'));
  if (!valid) throw invalid('revision', `${quoted(revision)} is not a branch, a tag or a commit.`);
}

/** Throws `invalid_value` for a path that could lead out of the snapshot: absolute, `..`, `\`, NUL, empty parts. */
export function checkFilePath(file: string): void {
  const valid =
    !/[\\\0]/.test(file) &&
    !win32.isAbsolute(file) &&
    file.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  if (!valid) throw invalid('files', `${quoted(file)} is not a path inside a repository.`);
}

/** All three, for a set of files of one revision. */
export function checkRepoFiles(wanted: { repo: string; revision: string; files: readonly string[] }): void {
  checkRepo(wanted.repo);
  checkRevision(wanted.revision);
  if (wanted.files.length === 0) throw invalid('files', `No files of "${wanted.repo}" are named.`);
  for (const file of wanted.files) checkFilePath(file);
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_value', { message, param });
}
