import { z } from 'zod';

export interface Endpoint {
  /** With the `/v1`. */
  url: string;
  apiKey: string | undefined;
  model: string;
  timeoutSeconds: number;
}

export interface Answer {
  body: string;
  /** From sending the request to having read the answer. */
  latencySeconds: number;
}

const failure = z.object({ error: z.object({ message: z.string(), code: z.string().nullish() }) });

/** POSTs a form below the endpoint's address. @throws Error saying what the server or the network answered, if not 200. */
export async function postForm(path: string, form: FormData, endpoint: Endpoint): Promise<Answer> {
  const started = performance.now();
  const body = await ask(`${endpoint.url.replace(/\/+$/, '')}${path}`, { method: 'POST', body: form }, endpoint);
  return { body: body.toString(), latencySeconds: (performance.now() - started) / 1000 };
}

/** A file that an answer names by its path on the server. @throws as `postForm`. */
export function fetchFile(path: string, endpoint: Endpoint): Promise<Buffer> {
  return ask(new URL(path, endpoint.url).href, {}, endpoint);
}

async function ask(
  url: string,
  request: RequestInit,
  { apiKey, timeoutSeconds, ...endpoint }: Endpoint,
): Promise<Buffer> {
  const { status, body } = await fetch(url, {
    ...request,
    headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    signal: AbortSignal.timeout(timeoutSeconds * 1000),
  })
    .then(async (response) => ({ status: response.status, body: Buffer.from(await response.arrayBuffer()) }))
    .catch((error: unknown) => {
      if (!(error instanceof Error)) throw error;
      if (error.name === 'TimeoutError') throw new Error(`no answer within ${timeoutSeconds} s`);
      const reason = error.cause instanceof Error ? error.cause.message : '';
      throw new Error(`${endpoint.url} cannot be reached: ${reason || error.message}`, { cause: error });
    });
  if (status !== 200) throw new Error(describe(status, body.toString()));
  return body;
}

/** An answer as its schema has it. @throws Error with the answer's beginning when it is something else. */
export function parseAnswer<T extends z.ZodType>(body: string, schema: T): z.infer<T> {
  const parsed = schema.safeParse(parseJson(body));
  if (!parsed.success) throw new Error(describe(200, body));
  return parsed.data;
}

function describe(status: number, body: string): string {
  const { data } = failure.safeParse(parseJson(body));
  if (data === undefined) return `HTTP ${status}: ${body.slice(0, 200)}`;
  return `HTTP ${status} ${data.error.code ?? ''}: ${data.error.message}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
