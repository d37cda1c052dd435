/** One request at the fake hub, its record and the usual short answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface RecordedRequest {
  origin: 'hub' | 'storage';
  method: string;
  /** With the query. */
  path: string;
  /** Whether an Authorization header came with it. */
  authorization: boolean;
  range: string | undefined;
  repo: string | undefined;
  /** Path in the repository, for requests of a file. */
  file: string | undefined;
  status: number;
  /** Bytes of the file sent in answer, up to now. */
  bytes: number;
}

export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  /** Parts of the path, decoded. */
  parts: string[];
  record: RecordedRequest;
}

export function openExchange(
  origin: RecordedRequest['origin'],
  request: IncomingMessage,
  response: ServerResponse,
): Exchange {
  const path = request.url ?? '/';
  const url = new URL(path, 'http://fake-hub');
  const record: RecordedRequest = {
    origin,
    method: request.method ?? '',
    path,
    authorization: request.headers.authorization !== undefined,
    range: request.headers.range,
    repo: undefined,
    file: undefined,
    status: 0,
    bytes: 0,
  };
  return { request, response, url, parts: url.pathname.slice(1).split('/').map(decodeURIComponent), record };
}

export function refuse({ response }: Exchange, status: number, errorCode?: string): void {
  if (errorCode !== undefined) response.setHeader('x-error-code', errorCode);
  const body = JSON.stringify({ error: errorCode ?? `status ${status}` });
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
}

export function json({ response }: Exchange, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
}
