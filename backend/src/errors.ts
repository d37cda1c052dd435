/**
 * The one catalogue of errors a caller can receive: code → HTTP status and the `type` of OpenAI's error envelope.
 * `doc/errors.md` describes each code; a test fails when one is missing there.
 */
const CATALOGUE = {
  invalid_request: { status: 400, type: 'invalid_request_error' },
  missing_required_parameter: { status: 400, type: 'invalid_request_error' },
  invalid_value: { status: 400, type: 'invalid_request_error' },
  unsupported_value: { status: 400, type: 'invalid_request_error' },
  invalid_json: { status: 400, type: 'invalid_request_error' },
  invalid_multipart: { status: 400, type: 'invalid_request_error' },
  unsupported_audio: { status: 400, type: 'invalid_request_error' },
  audio_too_short: { status: 400, type: 'invalid_request_error' },
  audio_too_long: { status: 400, type: 'invalid_request_error' },
  audio_quarantined: { status: 400, type: 'invalid_request_error' },
  // Not 5xx: client libraries repeat those, and the gateway has tried several times itself.
  url_not_allowed: { status: 400, type: 'invalid_request_error' },
  url_unreachable: { status: 400, type: 'invalid_request_error' },
  url_timeout: { status: 400, type: 'invalid_request_error' },
  idempotency_key_reused: { status: 400, type: 'invalid_request_error' },
  consent_required: { status: 400, type: 'invalid_request_error' },
  speakers_differ: { status: 400, type: 'invalid_request_error' },
  missing_api_key: { status: 401, type: 'invalid_request_error' },
  invalid_api_key: { status: 401, type: 'invalid_request_error' },
  api_key_revoked: { status: 401, type: 'invalid_request_error' },
  api_key_expired: { status: 401, type: 'invalid_request_error' },
  invalid_ticket: { status: 401, type: 'invalid_request_error' },
  api_keys_not_configured: { status: 401, type: 'invalid_request_error' },
  admin_key_required: { status: 403, type: 'invalid_request_error' },
  insufficient_scope: { status: 403, type: 'invalid_request_error' },
  license_not_confirmed: { status: 403, type: 'invalid_request_error' },
  origin_not_allowed: { status: 403, type: 'invalid_request_error' },
  proxy_not_allowed: { status: 403, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  model_not_downloaded: { status: 404, type: 'invalid_request_error' },
  job_not_found: { status: 404, type: 'invalid_request_error' },
  artifact_not_found: { status: 404, type: 'invalid_request_error' },
  key_not_found: { status: 404, type: 'invalid_request_error' },
  webhook_secret_not_found: { status: 404, type: 'invalid_request_error' },
  speaker_not_found: { status: 404, type: 'invalid_request_error' },
  gpu_not_found: { status: 404, type: 'invalid_request_error' },
  replica_not_found: { status: 404, type: 'invalid_request_error' },
  webhook_delivery_not_found: { status: 404, type: 'invalid_request_error' },
  unknown_url: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  became_job: { status: 408, type: 'invalid_request_error' },
  job_not_finished: { status: 409, type: 'invalid_request_error' },
  job_not_retryable: { status: 409, type: 'invalid_request_error' },
  job_cancelled: { status: 409, type: 'invalid_request_error' },
  stale_plan: { status: 409, type: 'invalid_request_error' },
  key_is_revoked: { status: 409, type: 'invalid_request_error' },
  model_in_use: { status: 409, type: 'invalid_request_error' },
  model_exists: { status: 409, type: 'invalid_request_error' },
  model_is_built_in: { status: 409, type: 'invalid_request_error' },
  model_files_elsewhere: { status: 409, type: 'invalid_request_error' },
  speaker_exists: { status: 409, type: 'invalid_request_error' },
  webhook_secret_limit: { status: 409, type: 'invalid_request_error' },
  input_deleted: { status: 410, type: 'invalid_request_error' },
  request_too_large: { status: 413, type: 'invalid_request_error' },
  url_too_large: { status: 413, type: 'invalid_request_error' },
  rate_limit_exceeded: { status: 429, type: 'requests' },
  concurrency_limit_exceeded: { status: 429, type: 'requests' },
  insufficient_quota: { status: 429, type: 'insufficient_quota' },
  client_closed_request: { status: 499, type: 'invalid_request_error' },
  internal_error: { status: 500, type: 'server_error' },
  job_given_up: { status: 500, type: 'server_error' },
  worker_crashed: { status: 500, type: 'server_error' },
  model_load_failed: { status: 500, type: 'server_error' },
  hub_access_denied: { status: 502, type: 'server_error' },
  hub_not_found: { status: 502, type: 'server_error' },
  hub_unreachable: { status: 502, type: 'server_error' },
  hub_integrity: { status: 502, type: 'server_error' },
  model_loading: { status: 503, type: 'service_unavailable_error' },
  server_is_overloaded: { status: 503, type: 'service_unavailable_error' },
  database_unavailable: { status: 503, type: 'service_unavailable_error' },
  device_unavailable: { status: 503, type: 'service_unavailable_error' },
  insufficient_memory: { status: 503, type: 'service_unavailable_error' },
  gpu_unavailable: { status: 503, type: 'service_unavailable_error' },
  out_of_memory: { status: 503, type: 'service_unavailable_error' },
  shutting_down: { status: 503, type: 'service_unavailable_error' },
  request_timeout: { status: 504, type: 'server_error' },
  insufficient_storage: { status: 507, type: 'server_error' },
} as const satisfies Record<string, { status: number; type: string }>;

export type ErrorCode = keyof typeof CATALOGUE;
export const ERROR_CODES = Object.keys(CATALOGUE) as ErrorCode[];

export interface GatewayErrorOptions {
  /** Safe for callers: names what was wrong and what fixes it; no path, key or internal name. */
  message: string;
  /** The request parameter at fault, as the caller spelled it. */
  param?: string | undefined;
  /** Seconds, sent as `Retry-After`. */
  retryAfterSeconds?: number | undefined;
  /** Further response headers, in lower case. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Extra members for the envelope beside OpenAI's four (for example download progress). */
  extra?: Record<string, unknown> | undefined;
  /** For the log only. */
  cause?: unknown;
  /** For the log only. */
  detail?: unknown;
}

export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly extra: Record<string, unknown> | undefined;
  readonly detail: unknown;

  constructor(code: ErrorCode, options: GatewayErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.param = options.param;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers;
    this.extra = options.extra;
    this.detail = options.detail;
  }

  get status(): number {
    return CATALOGUE[this.code].status;
  }

  get type(): string {
    return CATALOGUE[this.code].type;
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(CATALOGUE, value);
}

/** Anything thrown → a GatewayError; what is not one already becomes `internal_error` with the original as cause. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new GatewayError('internal_error', {
    message:
      'The server had an error while processing your request. Retry it; if it fails again, report the request id.',
    cause: error,
  });
}
