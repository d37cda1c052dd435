/** Captured requests, parsed and sent again byte for byte over a bare socket, with other audio, model and key. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface CapturedPart {
  /** The part's header lines as they stood, CRLF between them. */
  head: string;
  name: string;
  isFile: boolean;
  body: Buffer;
}

export interface CapturedRequest {
  /** `x-case` of the capture. */
  name: string;
  startLine: string;
  /** In order, with their casing. */
  headers: [name: string, value: string][];
  boundary: string;
  /** The body came without a length; the capture holds it joined together. */
  chunked: boolean;
  parts: CapturedPart[];
  /** What followed the last boundary. */
  epilogue: string;
}

const SEPARATOR = '\n=====\n';

/** Captures stand one after the other in a file, a line of `=====` after each. @throws on anything not understood. */
export function parseCaptures(bytes: Buffer): CapturedRequest[] {
  // latin1 keeps every byte; the separator's newline is not part of the body.
  return bytes
    .toString('latin1')
    .split(SEPARATOR)
    .filter((text) => text.trim() !== '')
    .map(parseCapture);
}

function parseCapture(text: string): CapturedRequest {
  const [head, body] = cut(text, '\r\n\r\n');
  const [startLine, ...lines] = head.split('\r\n');
  const headers = lines.map((line): [string, string] => cut(line, ': '));
  const header = (name: string) => headers.find(([key]) => key.toLowerCase() === name)?.[1];
  const boundary = /boundary=(.+)$/.exec(header('content-type') ?? '')?.[1];
  const length = header('content-length');
  if (startLine === undefined || boundary === undefined) throw new Error(`not a multipart request: ${head}`);
  if (length !== undefined && Number(length) !== body.length) {
    throw new Error(`the capture has ${body.length} bytes of body, its Content-Length says ${length}`);
  }
  const [first, ...rest] = `\r\n${body}`.split(`\r\n--${boundary}`);
  const last = rest.pop();
  if (first !== '' || last?.startsWith('--') !== true) throw new Error('the body is not framed by its boundary');
  return {
    name: header('x-case') ?? 'unnamed',
    startLine,
    headers,
    boundary,
    chunked: header('transfer-encoding') === 'chunked',
    parts: rest.map((part) => parsePart(part.slice('\r\n'.length))),
    epilogue: last.slice('--'.length),
  };
}

export interface MadeRequest {
  parts: readonly { head: string; body: Buffer | string }[];
  chunked?: boolean;
  headers?: [name: string, value: string][];
}

/** A request of our own in the shape of a captured one, for parts that no client library would write. */
export function makeRequest({ parts, chunked = false, headers = [] }: MadeRequest): CapturedRequest {
  const boundary = 'wire-test-boundary';
  return {
    name: 'made',
    startLine: 'POST /v1/audio/transcriptions HTTP/1.1',
    headers: [
      ['Host', '127.0.0.1'],
      ['Content-Type', `multipart/form-data; boundary=${boundary}`],
      chunked ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', '0'],
      ...headers,
    ],
    boundary,
    chunked,
    parts: parts.map(({ head, body }) => parsePart(`${head}\r\n\r\n${Buffer.from(body).toString('latin1')}`)),
    epilogue: '\r\n',
  };
}

/** A text field, for `makeRequest`. */
export function field(name: string, value: string) {
  return { head: `Content-Disposition: form-data; name="${name}"`, body: value };
}

/** A file part, for `makeRequest`. */
export function filePart(body: Buffer | string, filename = 'a.wav', name = 'file') {
  const disposition = `Content-Disposition: form-data; name="${name}"; filename="${filename}"`;
  return { head: `${disposition}\r\nContent-Type: application/octet-stream`, body };
}

function parsePart(text: string): CapturedPart {
  const [head, body] = cut(text, '\r\n\r\n');
  const name = /; name="([^"]*)"/.exec(head)?.[1];
  if (name === undefined) throw new Error(`a part without a name: ${head}`);
  return { head, name, isFile: /; filename="/.test(head), body: Buffer.from(body, 'latin1') };
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  if (at < 0) throw new Error(`no ${JSON.stringify(separator)} in ${JSON.stringify(text.slice(0, 200))}`);
  return [text.slice(0, at), text.slice(at + separator.length)];
}

export interface Replacements {
  key: string;
  audio?: Buffer;
  /** Values by field name; null leaves the part out. A field the capture lacks is not added. */
  fields?: Record<string, string | null>;
}

/** Where a body is cut into chunks (when the capture was chunked) and into writes to the socket. */
export type Splitting = 'whole' | 'inside-boundaries' | { every: number };

/** The request's bytes, in the pieces they are to be written in. Lengths and chunk sizes fit the new contents. */
export function encodeCapture(request: CapturedRequest, replacements: Replacements, splitting: Splitting): Buffer[] {
  const { body, boundaries } = encodeBody(request, replacements);
  const lines = request.headers.map(([name, value]) => {
    const lower = name.toLowerCase();
    if (lower === 'authorization') return `${name}: Bearer ${replacements.key}`;
    return `${name}: ${lower === 'content-length' ? body.length : value}`;
  });
  // curl had no key to send.
  if (!lines.some((line) => /^authorization:/i.test(line))) lines.push(`Authorization: Bearer ${replacements.key}`);
  const head = Buffer.from(`${[request.startLine, ...lines].join('\r\n')}\r\n\r\n`, 'latin1');
  const pieces = split(body, boundaries, splitting);
  return [head, ...(request.chunked ? [...pieces.map(encodeChunk), LAST_CHUNK] : pieces)];
}

const LAST_CHUNK = Buffer.from('0\r\n\r\n');

export function encodeChunk(data: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n')]);
}

function encodeBody({ parts, boundary, epilogue }: CapturedRequest, { audio, fields = {} }: Replacements) {
  const pieces: Buffer[] = [];
  const boundaries: number[] = [];
  let length = 0;
  const add = (piece: Buffer) => {
    pieces.push(piece);
    length += piece.length;
  };
  for (const part of parts) {
    const value = Object.hasOwn(fields, part.name) ? fields[part.name] : undefined;
    if (value === null) continue;
    boundaries.push(length);
    add(Buffer.from(`--${boundary}\r\n${part.head}\r\n\r\n`, 'latin1'));
    if (part.isFile) add(audio ?? part.body);
    else add(value === undefined ? part.body : Buffer.from(value));
    add(Buffer.from('\r\n'));
  }
  boundaries.push(length);
  add(Buffer.from(`--${boundary}--${epilogue}`, 'latin1'));
  return { body: Buffer.concat(pieces), boundaries };
}

function split(body: Buffer, boundaries: readonly number[], splitting: Splitting): Buffer[] {
  const cuts = cutsOf(body, boundaries, splitting);
  const ends = [...cuts, body.length];
  return ends.map((end, index) => body.subarray(ends[index - 1] ?? 0, end)).filter(({ length }) => length > 0);
}

function cutsOf(body: Buffer, boundaries: readonly number[], splitting: Splitting): number[] {
  if (splitting === 'whole') return [];
  // After the first dash, in the middle, and between the CR and LF that stand before a boundary.
  if (splitting === 'inside-boundaries')
    return boundaries.flatMap((at) => [at - 1, at + 1, at + 9]).filter((at) => at > 0);
  const { every } = splitting;
  return Array.from({ length: Math.ceil(body.length / every) - 1 }, (_, index) => (index + 1) * every);
}

export interface RawResponse {
  status: number;
  headers: Headers;
  body: string;
}

export interface Exchange {
  /** Every response that came, interim ones (1xx) included. */
  responses: RawResponse[];
  /** Bytes the socket took before it was closed. */
  bytesSent: number;
}

export interface ExchangeOptions {
  /** Half-close when everything is written: the server sees the end of what we send. */
  halfClose?: boolean;
  /** Close the whole connection when everything is written. */
  destroy?: boolean;
  /**
   * After a response that leaves the connection open, ask `GET /health/live` on it: an answer proves that the body was
   * read to its end and that nothing but one response was sent. Default true.
   */
  probe?: boolean;
  /** Do not wait for the server to close: a complete answer is enough. */
  untilAnswered?: boolean;
  /** Read nothing before everything is written, as clients do that know no early answers. */
  writeFirst?: boolean;
  /** The request is HEAD: its answer has no body, whatever its length says. */
  head?: boolean;
  timeoutMs?: number;
}

const PROBE = 'GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';

/** Writes the pieces one by one and reads until the server closes. @throws when it does not within the timeout. */
export async function exchange(
  url: string,
  pieces: Iterable<Buffer | string>,
  options: ExchangeOptions = {},
): Promise<Exchange> {
  const { halfClose = false, destroy = false, untilAnswered = false, writeFirst = false, timeoutMs = 20_000 } = options;
  const probe = (options.probe ?? true) && !halfClose && !untilAnswered;
  const { hostname, port } = new URL(url);
  // Half-open, so that what the server still sends after our end is read.
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), allowHalfOpen: true });
  socket.setNoDelay(true);
  await once(socket, 'connect');
  const received: Buffer[] = [];
  let probed = false;
  const answered = Promise.withResolvers<void>();
  const closed = new Promise<void>((resolve) => {
    // A server that cuts a connection off may do so by a reset.
    socket.once('error', () => resolve());
    socket.once('close', () => resolve());
    socket.once('end', () => {
      socket.end();
      resolve();
    });
  });
  socket.on('data', (data: Buffer) => {
    received.push(data);
    if (probed || !(probe || untilAnswered)) return;
    const [first] = parseResponses(Buffer.concat(received), options.head).filter(({ status }) => status >= 200);
    if (first === undefined) return;
    if (untilAnswered) answered.resolve();
    if (!probe || first.headers.get('connection') === 'close') return;
    probed = true;
    socket.write(PROBE);
  });
  if (writeFirst) socket.pause();
  const timeout = new AbortController();
  try {
    await Promise.race([writeAll(socket, pieces), closed, answered.promise]);
    socket.resume();
    if (destroy) socket.destroy();
    else if (halfClose) socket.end();
    await Promise.race([
      closed,
      answered.promise,
      sleep(timeoutMs, undefined, { signal: timeout.signal }).then(() => {
        throw new Error(`no end after ${timeoutMs} ms; received: ${Buffer.concat(received).toString('latin1')}`);
      }),
    ]);
  } finally {
    timeout.abort();
    socket.destroy();
  }
  const responses = parseResponses(Buffer.concat(received), options.head);
  if (!probed) return { responses, bytesSent: socket.bytesWritten };
  const answer = responses.pop();
  if (answer?.status !== 200 || answer.body !== '{"status":"ok"}') {
    throw new Error(`the connection was not usable afterwards: ${JSON.stringify(answer)}`);
  }
  return { responses, bytesSent: socket.bytesWritten };
}

async function writeAll(socket: Socket, pieces: Iterable<Buffer | string>): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed || socket.writableEnded) return;
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    // Let the kernel send it by itself, and what came be read.
    else await new Promise(setImmediate);
  }
}

/** Complete responses at the start of `bytes`; one that is cut short is left out. */
function parseResponses(bytes: Buffer, head = false): RawResponse[] {
  const text = bytes.toString('latin1');
  const responses: RawResponse[] = [];
  let at = 0;
  while (at < text.length) {
    const headEnd = text.indexOf('\r\n\r\n', at);
    if (headEnd < 0) break;
    const [statusLine = '', ...lines] = text.slice(at, headEnd).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) throw new Error(`not a response: ${statusLine}`);
    const headers = new Headers(lines.map((line): [string, string] => cut(line, ':')));
    const start = headEnd + 4;
    const read = head ? { body: '', end: start } : readBody(text, start, status, headers);
    if (read === undefined) break;
    responses.push({ status, headers, body: Buffer.from(read.body, 'latin1').toString('utf8') });
    at = read.end;
  }
  return responses;
}

function readBody(text: string, start: number, status: number, headers: Headers) {
  if (status < 200 || status === 204) return { body: '', end: start };
  if (headers.get('transfer-encoding') === 'chunked') return readChunks(text, start);
  const length = headers.get('content-length');
  const end = length === null ? text.length : start + Number(length);
  return end > text.length ? undefined : { body: text.slice(start, end), end };
}

function readChunks(text: string, start: number): { body: string; end: number } | undefined {
  let body = '';
  let at = start;
  while (true) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (end > text.length) return undefined;
    if (size === 0) return { body, end };
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = end;
  }
}
