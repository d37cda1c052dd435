import type { Request, Response } from 'express';
import { contextOf } from './request-context.ts';

/** What a refused client may still send before the connection is closed on it. */
const MAX_DISCARDED_BYTES = 64 * 2 ** 20;
const MAX_DISCARD_MS = 10_000;

/**
 * Answers a request whose body is still coming. Node closes a connection as soon as such an answer has ended, and the
 * reset would take the answer away from a client that reads only when it has sent everything (Python's do): so the
 * answer goes out whole, but ends when the rest is read and dropped, or a bound is reached.
 */
export function answerEarly(request: Request, response: Response, body: unknown): void {
  const text = JSON.stringify(body);
  response.set({
    connection: 'close',
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
  });
  response.write(text);
  contextOf(response).answered = true;

  let left = MAX_DISCARDED_BYTES;
  const finish = () => response.end();
  const timer = setTimeout(finish, MAX_DISCARD_MS);
  request.unpipe();
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) finish();
  });
  request.once('end', finish);
  response.once('close', () => clearTimeout(timer));
  request.resume();
}
