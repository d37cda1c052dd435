/** Fetches a caller's URL into a file: streamed, within limits, resumed after a broken connection. */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { GatewayError } from '../errors.ts';
import { parseRetryAfter, type RetryPolicy, retry, TransientFailure } from '../retry.ts';
import { createStallGuard } from '../stall-guard.ts';
import { type AddressGuard, AddressRefused, notAllowed, parseOutboundUrl } from './address-guard.ts';
import { type Answer, getUrl } from './get-url.ts';
import { OutboundFailure, readBody } from './guarded-request.ts';
import { responseFileName } from './response-file-name.ts';

export interface FetchToFileOptions {
  url: string;
  /** Must not exist yet. */
  path: string;
  maxBytes: number;
  /** Limit on all of it: redirects, tries and the waits between them. */
  timeoutMs: number;
  /** A connection over which nothing comes for so long is given up, and the next try begins. */
  stallMs: number;
  guard: AddressGuard;
  signal: AbortSignal;
  retry?: RetryPolicy | undefined;
  /**
   * Awaited after every piece; `total` is undefined while the server has not said it, and `received` falls to 0 when
   * the fetch starts again. What it throws ends the fetch.
   */
  onProgress?: ((received: number, total: number | undefined) => void | Promise<void>) | undefined;
}

export interface FetchedFile {
  bytes: number;
  /** Hexadecimal, of the bytes on disk: no content encoding is undone. */
  sha256: string;
  /** As the server sent it. */
  contentType: string | undefined;
  /** A bare name, for messages and hints; not for paths. */
  fileName: string | undefined;
}

/** The file while it grows: `hash` has seen its `offset` bytes. */
interface Partial {
  readonly handle: FileHandle;
  hash: Hash;
  offset: number;
  /** The furthest it has been. */
  furthest: number;
  /** Proves to `If-Range` that the rest belongs to what is here; undefined: there is no such proof. */
  validator: string | undefined;
}

const PARAM = 'url';
export const FETCH_RETRY: RetryPolicy = { attempts: 4, baseMs: 500, maxMs: 10_000, maxRetryAfterMs: 60_000 };

/**
 * After a failure nothing is left at `path`.
 * @throws invalid_value, url_not_allowed, url_unreachable, url_too_large, url_timeout, insufficient_storage, the
 * signal's reason.
 */
export async function fetchToFile(options: FetchToFileOptions): Promise<FetchedFile> {
  const url = parseOutboundUrl(options.url, options.guard, PARAM);
  options.signal.throwIfAborted();
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([options.signal, timeout]);
  // Appending, so that a write after a truncation lands at the beginning.
  await using handle = await open(options.path, 'ax', 0o600);
  const partial: Partial = { handle, hash: createHash('sha256'), offset: 0, furthest: 0, validator: undefined };
  try {
    const policy = options.retry ?? FETCH_RETRY;
    const { response, url: source } = await retry(() => receive(url, partial, { ...options, signal }), {
      policy,
      signal,
      onRetry: () => {},
    });
    return {
      bytes: partial.offset,
      sha256: partial.hash.digest('hex'),
      contentType: response.headers['content-type'],
      fileName: responseFileName(response.headers, source),
    };
  } catch (error) {
    await rm(options.path, { force: true });
    options.signal.throwIfAborted();
    if (timeout.aborted) throw timedOut(options.timeoutMs);
    throw forCaller(error);
  }
}

/** One try: a request for the rest of the file. The answer it returns has been read to its end. */
async function receive(url: URL, partial: Partial, options: FetchToFileOptions): Promise<Answer> {
  const { guard, maxBytes, signal, stallMs, onProgress } = options;
  const furthestBefore = partial.furthest;
  using stall = createStallGuard(signal, stallMs);
  try {
    const answer = await getUrl(url, { guard, headers: requestHeaders(partial), signal: stall.signal });
    const { response } = answer;
    try {
      const total = await accept(response, partial, maxBytes);
      stall.touch();
      for await (const chunk of readBody(response)) {
        stall.touch();
        if (partial.offset + chunk.length > maxBytes) throw tooLarge(maxBytes);
        await append(partial, chunk);
        await onProgress?.(partial.offset, total);
      }
      if (total !== undefined && partial.offset < total) {
        throw new OutboundFailure('the file ended early', { final: false });
      }
      return answer;
    } finally {
      response.destroy();
    }
  } catch (error) {
    signal.throwIfAborted();
    // A connection that was given up breaks like any other.
    const cause = error instanceof OutboundFailure && stall.signal.aborted ? stall.signal.reason : error;
    throw asTransient(cause, partial.furthest > furthestBefore);
  }
}

function requestHeaders({ offset, validator }: Partial): Record<string, string> {
  const headers = { accept: '*/*', 'accept-encoding': 'identity' };
  if (offset === 0 || validator === undefined) return headers;
  return { ...headers, range: `bytes=${offset}-`, 'if-range': validator };
}

/** Prepares the partial file for the body that comes. Returns the size of the whole file, when the server says it. */
async function accept(response: IncomingMessage, partial: Partial, maxBytes: number): Promise<number | undefined> {
  const { statusCode: status, headers } = response;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  let total: string | undefined;
  if (status === 200) {
    await restart(partial);
    partial.validator = validatorOf(headers);
    total = headers['content-length'];
  } else if (status === 206 && continues(range, partial, headers)) {
    total = range?.[2];
  } else if (partial.offset > 0 && (status === 206 || status === 416)) {
    await restart(partial);
    throw new TransientFailure('it answered with another part of the file than was asked for');
  } else {
    throw refusal(status ?? 0, headers);
  }
  if (total === undefined || total === '*') return undefined;
  if (Number(total) > maxBytes) throw tooLarge(maxBytes);
  return Number(total);
}

function continues(range: RegExpExecArray | null, partial: Partial, headers: IncomingHttpHeaders): boolean {
  const validator = validatorOf(headers);
  return (
    partial.offset > 0 &&
    Number(range?.[1]) === partial.offset &&
    // Some servers heed Range and not If-Range. An answer to If-Range need not repeat the validator.
    (validator === undefined || validator === partial.validator)
  );
}

/** A strong ETag or a date: what If-Range takes (RFC 9110 §13.1.5). */
function validatorOf({ etag, 'last-modified': lastModified }: IncomingHttpHeaders): string | undefined {
  return etag?.startsWith('"') ? etag : lastModified;
}

async function restart(partial: Partial): Promise<void> {
  if (partial.offset === 0) return;
  await partial.handle.truncate(0);
  Object.assign(partial, { hash: createHash('sha256'), offset: 0, validator: undefined });
}

async function append(partial: Partial, chunk: Buffer): Promise<void> {
  await partial.handle.appendFile(chunk).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') throw error;
    throw new GatewayError('insufficient_storage', {
      message: 'The server has too little free disk space to fetch this file.',
      cause: error,
    });
  });
  partial.hash.update(chunk);
  partial.offset += chunk.length;
  partial.furthest = Math.max(partial.furthest, partial.offset);
}

function refusal(status: number, headers: IncomingHttpHeaders): Error {
  const message = `it answered ${status}`;
  const passing = status === 408 || status === 425 || status === 429 || status >= 500;
  if (!passing) return new OutboundFailure(message, { final: true });
  return new TransientFailure(message, { retryAfterMs: parseRetryAfter(headers['retry-after'] ?? null) });
}

/** What `retry` takes for worth another try, with what this one has gained. */
function asTransient(error: unknown, progressed: boolean): unknown {
  if (error instanceof TransientFailure) {
    const { message, retryAfterMs } = error;
    return new TransientFailure(message, { cause: error, retryAfterMs, progressed });
  }
  if (!(error instanceof OutboundFailure) || error.final) return error;
  return new TransientFailure(error.message, { cause: error, progressed });
}

function forCaller(error: unknown): unknown {
  if (error instanceof AddressRefused) return notAllowed(error, PARAM);
  if (!(error instanceof OutboundFailure || error instanceof TransientFailure)) return error;
  return new GatewayError('url_unreachable', {
    message: `The file at '${PARAM}' could not be fetched: ${error.message}.`,
    param: PARAM,
    cause: error,
  });
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('url_too_large', {
    message: `The file at '${PARAM}' is larger than the limit of ${maxBytes} bytes. Use a smaller file, or a compressed one.`,
    param: PARAM,
  });
}

function timedOut(timeoutMs: number): GatewayError {
  return new GatewayError('url_timeout', {
    message: `The file at '${PARAM}' could not be fetched within ${Math.round(timeoutMs / 1000)} seconds.`,
    param: PARAM,
  });
}
