import { GatewayError } from '../errors.ts';
import { DEFAULT_RETRY, type RetryPolicy, retry, TransientFailure } from '../retry.ts';
import { createStallGuard } from '../stall-guard.ts';
import { answerError, connectionError, type HubSubject, unreachable } from './hub-error.ts';
import { createHubFetch, type HubAnswer } from './hub-fetch.ts';
import type { HeardOfRepository } from './known-repositories.ts';

export interface HubSessionOptions {
  /** The hub's address, for example `https://huggingface.co`; a mirror's may have a path. */
  endpoint: string;
  token?: string | undefined;
  repo: string;
  revision: string;
  signal: AbortSignal;
  fetch?: typeof fetch | undefined;
  retry?: Partial<RetryPolicy> | undefined;
  /** Milliseconds without a byte after which a connection counts as broken. */
  stallMs?: number | undefined;
  log?: ((message: string, fields: Record<string, unknown>) => void) | undefined;
  /** Told what the hub says of a repository, as it is asked for other things. */
  onHeard?: ((repo: string, heard: HeardOfRepository) => void) | undefined;
}

/** What the requests of one download share. */
export interface HubSession {
  /** The hub's address without a trailing slash. */
  readonly endpoint: string;
  readonly repo: string;
  readonly revision: string;
  readonly signal: AbortSignal;
  readonly stallMs: number;
  log(message: string, fields: Record<string, unknown>): void;
  /** Passes on what was heard of the repository; `get` does so with refusals. */
  heard(heard: HeardOfRepository): void;
  /** One request, one try. The answer is 2xx or 416; everything else is thrown as `hub-error.ts` has it. */
  get(url: string, options: GetOptions): Promise<HubAnswer>;
  /** Tries again after a TransientFailure; the last of too many becomes `hub_unreachable`. */
  retrying<T>(attempt: () => Promise<T>, file?: string): Promise<T>;
  /** For functions that take a `fetch`: `get` and the whole body, tried again as needed. */
  readonly apiFetch: typeof fetch;
}

interface GetOptions {
  headers?: RequestInit['headers'];
  signal: AbortSignal;
  /** Path in the repository, for messages. */
  file?: string | undefined;
}

const STALL_MS = 60_000;

/** Throws `invalid_value` for an endpoint or token that cannot be used. */
export function createHubSession(options: HubSessionOptions): HubSession {
  const { repo, revision, signal, stallMs = STALL_MS } = options;
  const endpoint = checkEndpoint(options.endpoint);
  const subject: HubSubject = { endpoint, repo, revision };
  const hubFetch = createHubFetch({ endpoint, token: options.token, fetch: options.fetch });
  const policy = { ...DEFAULT_RETRY, ...options.retry };
  const log = options.log ?? (() => {});
  const heard = (news: HeardOfRepository) => options.onHeard?.(repo, news);

  async function get(url: string, { headers, file, signal: requestSignal }: GetOptions): Promise<HubAnswer> {
    const answer = await hubFetch(url, { headers: headers ?? {}, signal: requestSignal }).catch((error: unknown) => {
      throw signal.aborted || error instanceof GatewayError ? error : connectionError(error);
    });
    const { response, elsewhere } = answer;
    if (response.ok || response.status === 416) return answer;
    await response.body?.cancel().catch(() => {});
    const error = answerError(response, elsewhere, { ...subject, file });
    if (error instanceof GatewayError && error.code === 'hub_access_denied') heard({ accessible: false });
    throw error;
  }

  async function retrying<T>(attempt: () => Promise<T>, file?: string): Promise<T> {
    const onRetry = (failure: TransientFailure, waitMs: number) =>
      log('hub request failed, trying again', { repo, file, reason: failure.message, waitMs: Math.round(waitMs) });
    try {
      return await retry(attempt, { policy, signal, onRetry });
    } catch (error) {
      throw error instanceof TransientFailure ? unreachable(error, { ...subject, file }) : error;
    }
  }

  const apiFetch: typeof fetch = (input, init) =>
    retrying(async () => {
      using guard = createStallGuard(signal, stallMs);
      const url = input instanceof Request ? input.url : String(input);
      const { response } = await get(url, { headers: init?.headers, signal: guard.signal });
      const body = await response.text().catch((error: unknown) => {
        throw connectionError(error);
      });
      return new Response(body, { status: response.status, headers: response.headers });
    });

  return { endpoint, repo, revision, signal, stallMs, log, heard, get, retrying, apiFetch };
}

function checkEndpoint(endpoint: string): string {
  const url = URL.parse(endpoint);
  const valid = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  if (valid) return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  throw new GatewayError('invalid_value', {
    message: 'The hub endpoint must be an http or https address without a user name.',
    param: 'endpoint',
  });
}
