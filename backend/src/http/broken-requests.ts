import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { errorBody } from './error-handler.ts';

/** Node's own choices for what its parser gives up on; everything else is 400. */
const STATUS_OF: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Gives requests that end early, or are no HTTP, the envelope too: they pass by the app, and Node answers without one. */
export function answerBrokenRequests(server: Server, log: Logger): void {
  const latest = new WeakMap<Duplex, ServerResponse>();
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    latest.set(request.socket, response);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const response = latest.get(socket);
    const isAnswering = response?.headersSent === true && !response.writableFinished;
    if (!socket.writable || isAnswering) {
      socket.destroy();
      return;
    }
    const status = STATUS_OF[error.code ?? ''] ?? 400;
    const known = response?.writableFinished === false ? response.getHeader('x-request-id') : undefined;
    const id = typeof known === 'string' ? known : `req_${randomUUID().replaceAll('-', '')}`;
    log.info('broken request', { request_id: id, status, reason: error.code });
    socket.end(rawAnswer(status, id), () => socket.destroy());
  });
}

function rawAnswer(status: number, id: string): string {
  const error = new GatewayError('invalid_request', {
    message: 'The request could not be read: it is not valid HTTP, or it ended before its body was complete.',
  });
  const body = JSON.stringify(errorBody(error));
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${id}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
