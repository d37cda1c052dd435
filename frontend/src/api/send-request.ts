import { errorEnvelope } from '@contract/error.ts';
import { ApiError } from './api-error.ts';

export interface RequestOptions {
  signal: AbortSignal;
  accept: 'application/json' | 'text/event-stream';
  adminKey?: string | undefined;
}

/**
 * GET; resolves with a success, its body unread.
 * @throws ApiError; the signal's reason when that is an abort.
 */
export async function sendRequest(path: string, { signal, accept, adminKey }: RequestOptions): Promise<Response> {
  const headers = new Headers({ accept });
  if (adminKey !== undefined) headers.set('authorization', `Bearer ${adminKey}`);
  let response: Response;
  try {
    response = await fetch(path, { headers, signal, cache: 'no-store', redirect: 'error' });
  } catch (error) {
    throw toUnreachable(error);
  }
  if (!response.ok) throw await toApiError(response);
  return response;
}

/** What a fetch, or reading its body, rejected with; a deliberate abort passes unchanged. */
export function toUnreachable(error: unknown): unknown {
  if (error instanceof DOMException && error.name === 'AbortError') return error;
  const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
  const message = timedOut ? 'The server does not answer.' : 'The server cannot be reached.';
  return new ApiError('unreachable', message, { cause: error });
}

async function toApiError(response: Response): Promise<ApiError> {
  const { status } = response;
  const body: unknown = await response.json().catch(() => undefined);
  const envelope = errorEnvelope.safeParse(body);
  return new ApiError(
    status === 401 || status === 403 ? 'refused' : 'failed',
    envelope.success ? envelope.data.error.message : `The server answered ${status}.`,
    { status, requestId: response.headers.get('x-request-id') ?? undefined },
  );
}
