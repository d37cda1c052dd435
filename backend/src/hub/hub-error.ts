/** What the hub's refusals and failures mean to the caller. No message holds a token or a redirect's address. */
import { GatewayError } from '../errors.ts';
import { parseRetryAfter, TransientFailure } from '../retry.ts';

const MAX_NAMED_FILES = 5;

/** What was asked for, to name it in a message. */
export interface HubSubject {
  /** The hub's address without a trailing slash. */
  endpoint: string;
  repo: string;
  revision: string;
  /** Path in the repository, when the request was for one file. */
  file?: string | undefined;
}

/** The error for an answer that is not the content: TransientFailure when another try may help. */
export function answerError(response: Response, elsewhere: boolean, subject: HubSubject): Error {
  const { status } = response;
  if (elsewhere || status === 408 || status === 425 || status === 429 || status >= 500) {
    // A storage host's refusal is an expired signed address: the next try starts at the hub and gets a new one.
    const who = elsewhere ? "the hub's storage" : 'it';
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'));
    return new TransientFailure(`${who} answered ${status}`, { retryAfterMs });
  }
  const reason = response.headers.get('x-error-code') ?? undefined;
  if (status === 401 || status === 403) return accessDenied(subject, reason);
  if (status === 404) return notFound(subject, reason);
  return new GatewayError('hub_unreachable', {
    message: `The model hub refused the request for "${subject.repo}" with status ${status}.`,
    detail: { reason },
  });
}

/** A request that broke before or while it was answered. */
export function connectionError(error: unknown, progressed = false): TransientFailure {
  if (error instanceof TransientFailure) return new TransientFailure(error.message, { cause: error, progressed });
  const code = errorCode(error) ?? (error instanceof Error ? errorCode(error.cause) : undefined);
  return new TransientFailure(`the connection failed${code ? ` (${code})` : ''}`, { cause: error, progressed });
}

/** The last failure of too many, for the caller. */
export function unreachable(failure: TransientFailure, subject: HubSubject): GatewayError {
  return new GatewayError('hub_unreachable', {
    message: `The model hub could not serve "${subject.repo}": ${failure.message}. Try again later.`,
    retryAfterSeconds: failure.retryAfterMs > 0 ? Math.ceil(failure.retryAfterMs / 1000) : undefined,
    cause: failure,
    detail: { file: subject.file },
  });
}

/** The hub's content contradicts what the hub says about it. */
export function integrityError(subject: HubSubject, what: string, cause?: unknown): GatewayError {
  return new GatewayError('hub_integrity', {
    message: `The model hub sent wrong data for "${subject.repo}": ${what}. Nothing of it was kept.`,
    cause,
  });
}

/** Wanted files that are not in the revision. */
export function filesMissing({ repo, revision }: HubSubject, files: readonly string[]): GatewayError {
  const named = files.slice(0, MAX_NAMED_FILES).map((file) => `"${file}"`);
  if (files.length > named.length) named.push(`${files.length - named.length} more`);
  return new GatewayError('hub_not_found', {
    message: `The model hub has no ${named.join(', ')} in "${repo}" at revision "${revision}".`,
  });
}

function notFound(subject: HubSubject, reason: string | undefined): GatewayError {
  const { repo, revision, file } = subject;
  if (file !== undefined) return filesMissing(subject, [file]);
  const what = reason === 'RevisionNotFound' ? `revision "${revision}" of "${repo}"` : `"${repo}"`;
  return new GatewayError('hub_not_found', { message: `The model hub has no ${what}.`, detail: { reason } });
}

function accessDenied(subject: HubSubject, reason: string | undefined): GatewayError {
  const { endpoint, repo } = subject;
  // Without a token that may see it, the hub says of a private repository that it does not exist.
  const what =
    reason === 'RepoNotFound'
      ? `"${repo}" does not exist on the model hub, or this gateway may not see it`
      : `The model hub refused access to "${repo}"`;
  return new GatewayError('hub_access_denied', {
    message: `${what}. If it is gated, accept its licence at ${endpoint}/${repo}; then set a hub token of an account that may read it.`,
    detail: { reason },
  });
}

function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : undefined;
}
