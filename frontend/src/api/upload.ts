/** A form with a file, and how much of it is sent: `fetch` does not tell. */
import type { z } from 'zod';
import { authorized } from './api.ts';
import { ApiError } from './api-error.ts';
import { noteReachable } from './reachability.ts';
import { toApiError, toUnreachable } from './send-request.ts';

export interface UploadOptions<Answer> {
  path: string;
  form: FormData;
  headers?: Record<string, string>;
  answer: z.ZodType<Answer>;
  signal: AbortSignal;
  /** 0 … 1; 1 means that the server has it all and has yet to answer. */
  onProgress?: (share: number) => void;
}

/** @throws ApiError; the signal's reason when that is an abort. */
export async function upload<Answer>({ answer, ...options }: UploadOptions<Answer>): Promise<Answer> {
  const response = await authorized(undefined, (apiKey) => post(options, apiKey));
  const parsed = answer.safeParse(await response.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ApiError('malformed', `Unexpected answer to POST ${options.path}: ${issue?.message}`, {
    param: issue?.path.join('.'),
    requestId: response.headers.get('x-request-id') ?? undefined,
  });
}

async function post(
  { path, form, headers = {}, signal, onProgress }: Omit<UploadOptions<unknown>, 'answer'>,
  apiKey: string | undefined,
): Promise<Response> {
  signal.throwIfAborted();
  const request = new XMLHttpRequest();
  request.open('POST', path);
  request.setRequestHeader('accept', 'application/json');
  if (apiKey !== undefined) request.setRequestHeader('authorization', `Bearer ${apiKey}`);
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  request.upload.onprogress = ({ loaded, total }) => {
    if (total > 0) onProgress?.(loaded / total);
  };
  const abort = () => request.abort();
  signal.addEventListener('abort', abort);
  try {
    await new Promise<void>((resolve, reject) => {
      request.onload = () => resolve();
      request.onerror = () => reject(toUnreachable(new Error('The upload broke off.')));
      request.onabort = () => reject(signal.reason);
      request.send(form);
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
  noteReachable(true);
  const response = new Response(request.responseText, { status: request.status, headers: headersOf(request) });
  if (!response.ok) throw await toApiError(response);
  return response;
}

function headersOf(request: XMLHttpRequest): Headers {
  const headers = new Headers();
  for (const name of ['content-type', 'x-request-id', 'retry-after', 'location']) {
    const value = request.getResponseHeader(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}
