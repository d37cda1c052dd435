/** One HTTP exchange with the gateway; whatever goes wrong is an `ApiError`. */
import { errorEnvelope } from '@contract/error.ts';
import { ApiError } from './api-error.ts';
import { noteReachable } from './reachability.ts';

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  signal: AbortSignal;
  accept: string;
  /** Without one the request is anonymous. */
  apiKey?: string | undefined;
  headers?: Record<string, string>;
  /** A plain value is sent as JSON. */
  body?: FormData | Blob | object | undefined;
}

/**
 * Resolves with a success, its body unread.
 * @throws ApiError; the signal's reason when that is an abort.
 */
export async function sendRequest(path: string, options: RequestOptions): Promise<Response> {
  const { method = 'GET', signal, accept, apiKey, body } = options;
  const headers = new Headers({ ...options.headers, accept });
  if (apiKey !== undefined) headers.set('authorization', `Bearer ${apiKey}`);
  const isRaw = body === undefined || body instanceof FormData || body instanceof Blob;
  if (!isRaw) headers.set('content-type', 'application/json');
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal,
      cache: 'no-store',
      redirect: 'error',
      credentials: 'omit',
      body: isRaw ? (body ?? null) : JSON.stringify(body),
    });
  } catch (error) {
    throw toUnreachable(error);
  }
  noteReachable(true);
  if (!response.ok) throw await toApiError(response);
  return response;
}

/** What a fetch, or reading its body, rejected with; a deliberate abort passes unchanged. */
export function toUnreachable(error: unknown): unknown {
  if (error instanceof DOMException && error.name === 'AbortError') return error;
  noteReachable(false);
  const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
  const message = timedOut ? 'The server does not answer.' : 'The server cannot be reached.';
  return new ApiError('unreachable', message, { cause: error });
}

export async function toApiError(response: Response): Promise<ApiError> {
  const { status, headers } = response;
  const body: unknown = await response.json().catch(() => undefined);
  const envelope = errorEnvelope.safeParse(body);
  const said = envelope.success ? envelope.data.error : undefined;
  const retryAfter = Number(headers.get('retry-after') ?? Number.NaN);
  return new ApiError(
    status === 401 || status === 403 ? 'refused' : 'failed',
    said?.message ?? `The server answered ${status}.`,
    {
      status,
      code: said?.code ?? undefined,
      param: said?.param ?? undefined,
      requestId: headers.get('x-request-id') ?? undefined,
      retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
    },
  );
}
