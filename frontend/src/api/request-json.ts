import type { z } from 'zod';
import { ApiError } from './api-error.ts';
import { sendRequest, toUnreachable } from './send-request.ts';

const TIMEOUT_MS = 10_000;

export interface RequestJsonOptions {
  signal: AbortSignal;
  adminKey?: string;
}

/** @throws ApiError; `malformed` names the first field that is not as the schema says. */
export async function requestJson<T>(path: string, schema: z.ZodType<T>, options: RequestJsonOptions): Promise<T> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const response = await sendRequest(path, { signal, accept: 'application/json', adminKey: options.adminKey });
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const body = await readJson(response);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ApiError('malformed', `Unexpected answer from ${path}: ${issue?.path.join('.')}: ${issue?.message}`, {
    requestId,
  });
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw toUnreachable(error);
    throw new ApiError('malformed', 'The answer is not JSON.', { cause: error });
  }
}
