/**
 * - `unreachable`: no answer at all;
 * - `refused`: 401 or 403, the key does not open this;
 * - `failed`: any other answer that is not a success;
 * - `malformed`: a success whose body is not what the contract says.
 */
export type ApiErrorKind = 'unreachable' | 'refused' | 'failed' | 'malformed';

export interface ApiErrorOptions {
  status?: number | undefined;
  /** Of the server's catalogue (doc/errors.md). */
  code?: string | undefined;
  /** The parameter the server complains of; of a malformed answer the field. */
  param?: string | undefined;
  requestId?: string | undefined;
  /** From `Retry-After`. */
  retryAfterSeconds?: number | undefined;
  cause?: unknown;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly kind: ApiErrorKind;
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly param: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(kind: ApiErrorKind, message: string, options: ApiErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.status = options.status;
    this.code = options.code;
    this.param = options.param;
    this.requestId = options.requestId;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && error.kind === 'refused';
}

/** The key itself is not accepted (any more), whatever was asked for. */
export function isKeyRefusal(error: unknown): error is ApiError {
  return isRefusal(error) && error.status === 401;
}
