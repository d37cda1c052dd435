/** Holds every answer a test sees against the gateway's own OpenAPI document, and against what no answer may lack. */
import { Ajv2020, type AnySchema, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { createParser } from 'eventsource-parser';
import { expect } from 'vitest';

interface MediaType {
  schema?: AnySchema;
}
interface Operation {
  responses: Record<string, { content?: Record<string, MediaType> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

/** An answer, however it came: by fetch, by the OpenAI client or over a bare socket. */
export interface Answer {
  method: string;
  /** Path without the query. */
  path: string;
  status: number;
  headers: Headers;
}

export interface ApiCheck {
  /** Fetch that takes paths of the app too, and fails where the answer is not what the document says. */
  fetch: typeof fetch;
  /** The same for an answer that was read some other way; `body` is the whole body. */
  check(answer: Answer, body: string): void;
  /** The document itself. */
  document: Document;
}

/** One checker per app: it also sees to it that no two answers have the same request id. */
export async function checkApi(app: { url: string }): Promise<ApiCheck> {
  const described = await fetch(`${app.url}/openapi.json`);
  expect(described.headers.get('content-type')).toMatch(/^application\/json/);
  const document: Document = JSON.parse(await described.text());
  expect(document.openapi).toMatch(/^3\.1\./);
  const schemas = createSchemas(document);
  const requestIds = new Set<string>();

  /** Status, content type and headers; returns what judges the body, or each frame of it. */
  const checkHead = ({ method, path, status, headers }: Answer) => {
    const what = `${method} ${path} → ${status}`;
    const id = headers.get('x-request-id') ?? '';
    expect(id, `x-request-id of ${what}`).not.toBe('');
    expect(requestIds.has(id), `x-request-id of ${what} was used before`).toBe(false);
    requestIds.add(id);
    if (status === 405) expect(headers.get('allow'), `Allow of ${what}`).toBeTruthy();

    const type = headers.get('content-type')?.split(';')[0];
    if (status === 204 || status === 304 || status === 416) return undefined;
    const operation = findOperation(document, method, path);
    if (operation === undefined) {
      if (status < 400) {
        // Only the page's files are answered without being described.
        expect(path, `${what} is not in the document`).not.toMatch(/^\/(v1|api)\b/);
        return undefined;
      }
      expect(type, `content type of ${what}`).toBe('application/json');
      return schemas.component('ErrorResponse', what);
    }
    const media = operation.responses[String(status)]?.content;
    expect(media, `${what} is not documented`).toBeDefined();
    const schema = (media?.[type ?? ''] ?? media?.['*/*'])?.schema;
    expect(schema, `${what} with ${type} is not documented`).toBeDefined();
    if (type === 'text/event-stream') {
      const names = eventsAt(path);
      return schemas.oneOf(names, what);
    }
    return type === 'application/json' && schema !== undefined ? schemas.inline(schema, what) : undefined;
  };

  const checkBody = (answer: Answer, body: string) => {
    const judge = checkHead(answer);
    const { method, path, status, headers } = answer;
    if (method === 'HEAD') return;
    if (headers.get('content-type')?.startsWith('text/event-stream')) {
      readFrames(body, (data) => judge?.(data));
      return;
    }
    if (judge === undefined) return;
    const value: unknown = JSON.parse(body);
    judge(value);
    if (status >= 400 && path !== '/health/ready') expectEnvelope(value);
  };

  const checkedFetch: typeof fetch = async (input, init) => {
    const request = new Request(typeof input === 'string' && input.startsWith('/') ? app.url + input : input, init);
    const response = await fetch(request);
    const answer: Answer = {
      method: request.method,
      path: new URL(request.url).pathname,
      status: response.status,
      headers: response.headers,
    };
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (isStream && response.body !== null) {
      const judge = checkHead(answer);
      return copyOf(response, response.body.pipeThrough(frameCheck((data) => judge?.(data))));
    }
    const body = new Uint8Array(await response.arrayBuffer());
    checkBody(answer, new TextDecoder().decode(body));
    return copyOf(response, body.length === 0 ? null : body);
  };
  return { fetch: checkedFetch, check: checkBody, document };
}

/** The checking fetch alone, for tests and as the `fetch` option of the OpenAI client. */
export async function checkedFetch(app: { url: string }): Promise<typeof fetch> {
  return (await checkApi(app)).fetch;
}

function eventsAt(path: string): string[] {
  if (path === '/api/admin/events') return ['AdminEvent'];
  return path.startsWith('/v1/jobs/') ? ['JobEvent'] : STREAM_EVENTS;
}

const STREAM_EVENTS = [
  'TranscriptTextDeltaEvent',
  'TranscriptionDiarizedSegment',
  'TranscriptTextDoneEvent',
  'ErrorResponse',
];

/** OpenAI's four keys, all there; `param` and `code` may be null. */
export function expectEnvelope(body: unknown): void {
  expect(body).toEqual({
    error: expect.objectContaining({ message: expect.stringMatching(/./), type: expect.stringMatching(/./) }),
  });
  const { error } = body as { error: Record<string, unknown> };
  for (const key of ['param', 'code']) {
    expect(error, `the envelope's ${key}`).toHaveProperty(key);
    expect(error[key] === null || typeof error[key] === 'string', `the envelope's ${key}`).toBe(true);
  }
}

/** The literal path wins over a template; a parameter may contain slashes, as model ids do. */
function findOperation(document: Document, method: string, path: string): Operation | undefined {
  const name = method === 'HEAD' ? 'get' : method.toLowerCase();
  const described = Object.keys(document.paths).filter((pattern) => document.paths[pattern]?.[name] !== undefined);
  // The longest is the closest.
  const matching = described.filter((pattern) => patternOf(pattern).test(path));
  const [closest = ''] = matching.toSorted((a, b) => b.split('/').length - a.split('/').length);
  return document.paths[closest]?.[name];
}

/** A model's id may have slashes, which the document cannot say. */
function patternOf(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll(/\{model\}/g, '.+').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}

type Judge = (value: unknown) => void;

function createSchemas(document: Document) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema(document, 'gateway');
  const known = new Map<string, ValidateFunction>();
  const judgeWith = (schema: AnySchema, what: string): Judge => {
    const text = JSON.stringify(schema).replaceAll('"#/', '"gateway#/');
    const validate = known.get(text) ?? ajv.compile(JSON.parse(text));
    known.set(text, validate);
    return (value) => {
      const valid = validate(value);
      expect(valid, `${what}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value).slice(0, 500)}`).toBe(true);
    };
  };
  const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
  return {
    inline: judgeWith,
    component: (name: string, what: string) => judgeWith(reference(name), what),
    oneOf: (names: readonly string[], what: string) => judgeWith({ oneOf: names.map(reference) }, what),
  };
}

function readFrames(body: string, onData: Judge): void {
  const parser = createParser({ onEvent: ({ data }) => onData(JSON.parse(data)) });
  parser.feed(body);
}

/** Passes bytes on as they come; a frame that is not valid fails the reader. */
function frameCheck(onData: Judge): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const parser = createParser({ onEvent: ({ data }) => onData(JSON.parse(data)) });
  return new TransformStream({
    transform(chunk, controller) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      controller.enqueue(chunk);
    },
  });
}

function copyOf({ status, statusText, headers }: Response, body: ConstructorParameters<typeof Response>[0]): Response {
  return new Response(body, { status, statusText, headers });
}
