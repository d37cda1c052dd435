/** Server-sent events: `data:` frames without `event:` lines, as OpenAI's clients read them. */
import type { Response } from 'express';
import type { GatewayError } from '../errors.ts';
import { errorBody, noteError } from './error-handler.ts';

/** Proxies close connections that are silent for a minute; clients ignore comments. */
const KEEP_ALIVE_MS = 15_000;

/** An event as it is on the line. */
export function eventFrame(data: unknown, id?: number): string {
  return `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

export class EventStream {
  readonly #response: Response;
  #keepAlive: NodeJS.Timeout | undefined;

  /** Nothing is sent before the first event, so that an early failure can still be an ordinary HTTP error. */
  constructor(response: Response) {
    this.#response = response;
    response.once('close', () => clearInterval(this.#keepAlive));
  }

  get started(): boolean {
    return this.#response.headersSent;
  }

  start(): void {
    if (this.started) return;
    this.#response.status(200).set({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    this.#response.flushHeaders();
    this.#keepAlive = setInterval(() => this.#write(': keep-alive\n\n'), KEEP_ALIVE_MS);
  }

  /** @returns false when the client reads more slowly than events come; what is sent then is held in memory. */
  send(data: unknown, id?: number): boolean {
    return this.sendFrame(eventFrame(data, id));
  }

  /** As `send`, of an event that is text already. */
  sendFrame(frame: string): boolean {
    this.start();
    return this.#write(frame);
  }

  /** The last event of a stream that failed: both official clients raise `APIError` for it. */
  fail(error: GatewayError): void {
    noteError(this.#response, error);
    this.send(errorBody(error));
    this.end();
  }

  end(): void {
    clearInterval(this.#keepAlive);
    this.#response.end();
  }

  #write(text: string): boolean {
    if (this.#response.destroyed) return true;
    return this.#response.write(text);
  }
}
