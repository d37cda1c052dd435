import type { Request } from 'express';

/** A refused upload is read on for so long, so that the client sees the answer instead of a reset connection. */
const MAX_DISCARDED_BYTES = 64 * 2 ** 20;
const MAX_DISCARD_MS = 10_000;

/** Reads and drops what is left of a request whose answer is out, up to a bound, then closes the connection. */
export function discardRequestBody(request: Request): void {
  const { socket } = request;
  let left = MAX_DISCARDED_BYTES;
  const timer = setTimeout(() => socket.destroy(), MAX_DISCARD_MS);
  timer.unref();
  request.unpipe();
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) socket.destroy();
  });
  request.once('close', () => clearTimeout(timer));
  request.resume();
}
