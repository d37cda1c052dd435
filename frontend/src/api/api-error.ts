/**
 * - `unreachable`: no answer at all;
 * - `refused`: 401 or 403, the key does not open this;
 * - `failed`: any other answer that is not a success;
 * - `malformed`: a success whose body is not what the contract says.
 */
export type ApiErrorKind = 'unreachable' | 'refused' | 'failed' | 'malformed';

export interface ApiErrorOptions {
  status?: number | undefined;
  requestId?: string | undefined;
  cause?: unknown;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly kind: ApiErrorKind;
  readonly status: number | undefined;
  readonly requestId: string | undefined;

  constructor(kind: ApiErrorKind, message: string, options: ApiErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.status = options.status;
    this.requestId = options.requestId;
  }
}

export function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && error.kind === 'refused';
}
