import type { IncomingMessage, Server, ServerResponse } from 'node:http';

const waiting = new WeakSet<IncomingMessage>();

/** Lets requests with `Expect: 100-continue` be refused before their body is sent: the app sees them first. */
export function deferContinue(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request);
    server.emit('request', request, response);
  });
  // Expectations nobody has defined are ignored rather than answered without an envelope.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
}

/** Tells a client that waits for it to send the body. */
export function acceptBody(request: IncomingMessage, response: ServerResponse): void {
  if (waiting.delete(request)) response.writeContinue();
}

/** Whether the client holds its body back until it is told to send it. */
export function isAwaitingContinue(request: IncomingMessage): boolean {
  return waiting.has(request);
}
