/**
 * A real HTTP server that speaks the Hugging Face hub's protocol over a folder of `<org>/<name>/<files>` or over
 * literals, with a second server as the storage it redirects LFS files to, and with faults to order.
 * By itself: `node tests/support/fake-hub.ts --root FOLDER --port 8085 [--storage-port 8086] [--host 0.0.0.0]`.
 */
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { listPaths, listTree, modelInfo } from './fake-hub/api.ts';
import { type Exchange, json, openExchange, type RecordedRequest, refuse } from './fake-hub/exchange.ts';
import { createFaults, type Faults, type Moment } from './fake-hub/faults.ts';
import { listen, portOf, stop } from './fake-hub/listening.ts';
import {
  createRepoStore,
  findCommit,
  type HubCommit,
  type HubEntry,
  type HubRepo,
  type RepoLiterals,
} from './fake-hub/repo-store.ts';
import { sendFile } from './fake-hub/send-file.ts';

export interface FakeHubOptions {
  /** Folder of `<org>/<name>/<files>`, read when a repository is first asked for. */
  root?: string;
  repos?: RepoLiterals;
  /** Default 0: a free one. */
  port?: number;
  storagePort?: number;
  host?: string;
  /** Entries of one page of a listing. */
  pageSize?: number;
  /** Files from this size on, and every `.onnx`, are in LFS and come from the storage. Default 1 MiB. */
  lfsBytes?: number;
  /** Tokens and their accounts; to all others it says that it does not know them. Default: no such route, as a mirror. */
  accounts?: Record<string, string>;
  /** Redirect the other files within the hub first, as huggingface.co does. */
  resolveCache?: boolean;
}

export interface FakeHub extends AsyncDisposable {
  /** The endpoint to configure. */
  readonly url: string;
  /** The second origin. */
  readonly cdnUrl: string;
  readonly requests: RecordedRequest[];
  readonly faults: Faults;
  /** The commit a revision means, `main` by default. */
  commitOf(repo: string, revision?: string): Promise<string>;
  /** A new commit on a branch or tag, or on a new one based on `main`; null deletes a file. Returns its id. */
  moveRevision(repo: string, revision: string, changes: Record<string, string | Uint8Array | null>): Promise<string>;
  close(): Promise<void>;
}

/** The storage takes only addresses signed with it; no message and no log of ours may quote it. */
export const STORAGE_SIGNATURE = 'storage-signature-secret';

export async function startFakeHub(options: FakeHubOptions): Promise<FakeHub> {
  const { host = '127.0.0.1', pageSize = 1000, lfsBytes = 1024 * 1024 } = options;
  const store = createRepoStore({ root: options.root, repos: options.repos, lfsBytes });
  const faults = createFaults();
  const requests: RecordedRequest[] = [];

  async function answerHub(exchange: Exchange): Promise<void> {
    const { parts } = exchange;
    if (parts[0] === 'api' && parts[1] === 'resolve-cache') return await answerFile(exchange, parts.slice(3), false);
    if (parts[0] === 'api' && parts[1] === 'whoami-v2' && options.accounts)
      return answerWhoami(exchange, options.accounts);
    if (parts[0] === 'api' && parts[1] === 'models') return await answerApi(exchange, parts.slice(2));
    if (parts[2] === 'resolve') {
      return await answerFile(exchange, [...parts.slice(0, 2), ...parts.slice(3)], options.resolveCache ?? false);
    }
    refuse(exchange, 404);
  }

  function answerWhoami(exchange: Exchange, accounts: Record<string, string>): void {
    const name = accounts[exchange.request.headers.authorization?.replace('Bearer ', '') ?? ''];
    if (name === undefined) refuse(exchange, 401);
    else json(exchange, { type: 'user', name, auth: { type: 'access_token' } });
  }

  async function answerApi(exchange: Exchange, [org, name, verb, ...rest]: string[]): Promise<void> {
    const repo = await knownRepo(exchange, `${org}/${name}`, 'api');
    if (!repo) return;
    const revision = rest[0] ?? 'main';
    const commit = findCommit(repo, revision);
    if (!commit) return refuse(exchange, 404, 'RevisionNotFound');
    const { url, request } = exchange;
    const expand = url.searchParams.get('expand') === 'true';
    if (verb === undefined || verb === 'revision') {
      return json(exchange, modelInfo(repo, commit, faults.has('gated', repo.name)));
    }
    if (verb === 'tree') {
      const recursive = url.searchParams.get('recursive') === 'true';
      return sendPage(exchange, listTree(commit, { path: rest.slice(1).join('/'), recursive, expand }));
    }
    if (verb === 'paths-info' && request.method === 'POST') {
      const body: { paths?: string[]; expand?: boolean } = JSON.parse(await text(request));
      return json(exchange, listPaths(commit, body.paths ?? [], body.expand ?? false));
    }
    refuse(exchange, 404);
  }

  function sendPage(exchange: Exchange, items: object[]): void {
    const { url, request, response } = exchange;
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const to = from + Math.min(pageSize, Number(url.searchParams.get('limit') ?? pageSize));
    if (to < items.length) {
      const next = new URL(url.pathname + url.search, `http://${request.headers.host}`);
      next.searchParams.set('cursor', String(to));
      response.setHeader('link', `<${next}>; rel="next"`);
    }
    json(exchange, items.slice(from, to));
  }

  async function answerFile(exchange: Exchange, where: string[], within: boolean): Promise<void> {
    const [org, name, revision = '', ...path] = where;
    const { response, record, url } = exchange;
    record.file = path.join('/');
    const repo = await knownRepo(exchange, `${org}/${name}`, 'resolve');
    if (!repo) return;
    const commit = findCommit(repo, revision);
    if (!commit) return refuse(exchange, 404, 'RevisionNotFound');
    const moment: Moment = { stage: 'resolve', repo: repo.name, file: record.file };
    response.setHeader('x-repo-commit', faults.take('commit', moment)?.commit ?? commit.sha);
    const entry = commit.entries.get(record.file);
    if (!entry) return refuse(exchange, 404, 'EntryNotFound');
    response.setHeader('etag', `"${entry.oid}"`);
    if (entry.lfs) return redirectToStorage(exchange, repo, entry, entry.lfs);
    if (!within) return await sendFile(sending(exchange, entry));
    const location = `/api/resolve-cache/models/${repo.name}/${commit.sha}/${record.file}${url.search}`;
    response.writeHead(307, { location, 'x-linked-size': entry.size, 'x-linked-etag': `"${entry.oid}"` }).end();
  }

  function redirectToStorage({ request, response }: Exchange, repo: HubRepo, { path }: HubEntry, lfs: Lfs): void {
    const { hostname } = new URL(`http://${request.headers.host}`);
    const file = path.split('/').map(encodeURIComponent).join('/');
    const location = `http://${hostname}:${portOf(storage)}/${repo.name}/${lfs.oid}/${file}?signature=${STORAGE_SIGNATURE}`;
    response.writeHead(302, { location, 'x-linked-etag': `"${lfs.oid}"`, 'x-linked-size': lfs.size }).end();
  }

  async function answerStorage(exchange: Exchange): Promise<void> {
    const { parts, record, response, url } = exchange;
    const [org, name, oid = '', ...path] = parts;
    record.file = path.join('/');
    record.repo = `${org}/${name}`;
    if (misbehave(exchange, { stage: 'body', repo: record.repo, file: record.file })) return;
    // As S3: two ways to authenticate at once are an error.
    if (record.authorization) return refuse(exchange, 400);
    if (url.searchParams.get('signature') !== STORAGE_SIGNATURE) return refuse(exchange, 403);
    const entry = findBlob(await store.find(record.repo), oid);
    if (!entry) return refuse(exchange, 404);
    response.setHeader('etag', `"${oid}"`);
    await sendFile(sending(exchange, entry));
  }

  async function knownRepo(exchange: Exchange, name: string, stage: 'api' | 'resolve'): Promise<HubRepo | undefined> {
    exchange.record.repo = name;
    const repo = await store.find(name);
    if (misbehave(exchange, { stage, repo: name, file: exchange.record.file })) return undefined;
    // The hub does not tell strangers whether a repository exists.
    if (!repo) refuse(exchange, exchange.record.authorization ? 404 : 401, 'RepoNotFound');
    return repo;
  }

  /** Does what was ordered instead of answering. */
  function misbehave(exchange: Exchange, moment: Moment): boolean {
    const { request, response } = exchange;
    const bearer = request.headers.authorization;
    const gated = faults.take('gated', moment, ({ token }) => token === undefined || bearer !== `Bearer ${token}`);
    const status = faults.take('status', moment);
    const redirect = faults.take('redirect', moment);
    if (faults.take('drop', moment)) response.destroy();
    else if (gated) refuse(exchange, gated.status ?? 401, 'GatedRepo');
    else if (redirect) response.writeHead(redirect.status ?? 302, { location: redirect.location }).end();
    else if (status) {
      if (status.retryAfter !== undefined) response.setHeader('retry-after', status.retryAfter);
      refuse(exchange, status.status, status.errorCode);
    } else return false;
    return true;
  }

  function sending({ request, response, record }: Exchange, entry: HubEntry) {
    const moment: Moment = { stage: 'body', repo: record.repo ?? '', file: record.file };
    const onBytes = (count: number) => {
      record.bytes += count;
    };
    return { request, response, entry, faults, moment, onBytes };
  }

  function serve(origin: RecordedRequest['origin'], answer: (exchange: Exchange) => Promise<void>): Server {
    return createServer((request, response) => {
      const exchange = openExchange(origin, request, response);
      requests.push(exchange.record);
      response.once('close', () => {
        exchange.record.status = response.statusCode;
      });
      answer(exchange).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
    });
  }

  const hub = serve('hub', answerHub);
  const storage = serve('storage', answerStorage);
  await Promise.all([listen(hub, host, options.port), listen(storage, host, options.storagePort)]);
  const close = async () => void (await Promise.all([stop(hub), stop(storage)]));
  return {
    url: `http://${host}:${portOf(hub)}`,
    cdnUrl: `http://${host}:${portOf(storage)}`,
    requests,
    faults,
    async commitOf(name, revision = 'main') {
      const repo = await store.find(name);
      const commit = repo && findCommit(repo, revision);
      if (!commit) throw new Error(`the fake hub has no ${name} at ${revision}`);
      return commit.sha;
    },
    moveRevision: store.move,
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Lfs = NonNullable<HubEntry['lfs']>;

function findBlob(repo: HubRepo | undefined, oid: string): HubEntry | undefined {
  const commits: HubCommit[] = [...(repo?.commits.values() ?? [])];
  return commits.flatMap((commit) => [...commit.entries.values()]).find((entry) => entry.lfs?.oid === oid);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      root: { type: 'string' },
      port: { type: 'string', default: '8085' },
      'storage-port': { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
    },
  });
  if (values.root === undefined) throw new Error('--root FOLDER is missing');
  const hub = await startFakeHub({
    root: values.root,
    port: Number(values.port),
    storagePort: Number(values['storage-port']),
    host: values.host,
  });
  process.stdout.write(`fake hub at ${hub.url}, its storage at ${hub.cdnUrl}\n`);
}
