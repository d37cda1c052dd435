/** The one way to the gateway's JSON: a route, its input, and an answer that is what the contract says. */
import type { z } from 'zod';
import { ApiError, isKeyRefusal } from './api-error.ts';
import { sendRequest, toUnreachable } from './send-request.ts';
import { currentKey, expireSession } from './session.ts';

const READ_TIMEOUT_MS = 10_000;
const WRITE_TIMEOUT_MS = 120_000;

export interface ApiRoute<Path extends string, Body, Answer> {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** As in `/openapi.json`: `/api/admin/keys/{id}`. */
  path: Path;
  /** Of the answer; left out where there is nothing to read. */
  answer?: z.ZodType<Answer>;
  /** Of a JSON body: what the page sends is checked by the compiler, the server checks it again. */
  body?: z.ZodType<unknown, Body>;
}

type ParamIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamIn<Rest> : never;

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

/** `params` are encoded into the path, what is undefined in `query` is left out; a form goes as multipart. */
export type ApiInput<Path extends string, Body> = {
  query?: Query;
  headers?: Record<string, string>;
} & ([ParamIn<Path>] extends [never] ? { params?: never } : { params: Record<ParamIn<Path>, string> }) &
  ([Body] extends [never] ? { body?: FormData } : { body: Body });

export interface ApiCallOptions {
  signal?: AbortSignal | undefined;
  /** Default 10 s for a GET, else 2 min. */
  timeoutMs?: number;
  /** Another key than the session's: signing in. */
  apiKey?: string;
}

export function defineRoute<const Path extends string, Body = never, Answer = void>(
  route: ApiRoute<Path, Body, Answer>,
): ApiRoute<Path, Body, Answer> {
  return route;
}

/**
 * @throws ApiError; `malformed` names the first field that is not as the schema says. A 401 of the session's own key
 * also reopens the sign-in dialog.
 */
export async function api<Path extends string, Body, Answer>(
  route: ApiRoute<Path, Body, Answer>,
  input: ApiInput<Path, Body>,
  options: ApiCallOptions = {},
): Promise<Answer> {
  const { method, answer } = route;
  const limit = AbortSignal.timeout(options.timeoutMs ?? (method === 'GET' ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS));
  const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
  const response = await authorized(options.apiKey, (apiKey) =>
    sendRequest(pathOf(route.path, input), {
      method,
      signal,
      accept: 'application/json',
      apiKey,
      body: input.body as FormData | object | undefined,
      ...(input.headers !== undefined && { headers: input.headers }),
    }),
  );
  if (answer === undefined) {
    await response.body?.cancel();
    return undefined as Answer;
  }
  return parseAnswer(`${method} ${route.path}`, response, answer);
}

/**
 * Sends with the session's key; a key that is not accepted any more ends the session.
 * For what is not JSON: event streams, uploads with progress, artifacts.
 */
export async function authorized<T>(
  otherKey: string | undefined,
  send: (apiKey: string | undefined) => Promise<T>,
): Promise<T> {
  if (otherKey !== undefined) return send(otherKey);
  const apiKey = currentKey();
  try {
    return await send(apiKey);
  } catch (error) {
    if (isKeyRefusal(error) && apiKey !== undefined) expireSession(apiKey, error);
    throw error;
  }
}

/** The path with its parameters and query filled in. */
export function pathOf(path: string, input: { params?: Record<string, string> | undefined; query?: Query }): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(input.params?.[name] ?? ''),
  );
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value === undefined) continue;
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each));
  }
  const text = query.toString();
  return text === '' ? filled : `${filled}?${text}`;
}

async function parseAnswer<Answer>(name: string, response: Response, schema: z.ZodType<Answer>): Promise<Answer> {
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const parsed = schema.safeParse(await readJson(name, response));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new ApiError('malformed', `Unexpected answer to ${name}: ${field}: ${issue?.message}`, {
    param: field,
    requestId,
  });
}

async function readJson(name: string, response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw toUnreachable(error);
    throw new ApiError('malformed', `The answer to ${name} is not JSON.`, { cause: error });
  }
}
