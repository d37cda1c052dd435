/** What every request carries: its id, when it came, its log fields, and a signal that aborts when the client goes. */
import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import type { Principal } from '../contract/keys.ts';
import type { ErrorCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { ServedRequest } from '../observability/traffic.ts';

export interface RequestContext {
  id: string;
  startedAt: number;
  /** Aborts when the connection closes before the answer is complete. */
  signal: AbortSignal;
  log: Logger;
  /** Whose request it is; undefined on routes that are open to everybody. */
  principal: Principal | undefined;
  /** The whole answer is written, though it may not have ended yet: a client that leaves now has what it came for. */
  answered: boolean;
  /** Added to the request's log line. */
  fields: { key_id?: string; model?: string; audio_seconds?: number; error_code?: ErrorCode; error?: unknown };
}

const contexts = new WeakMap<Response, RequestContext>();

/** @throws when the request-context middleware did not run: a programming error. */
export function contextOf(response: Response): RequestContext {
  const context = contexts.get(response);
  if (context === undefined) throw new Error('request context is missing');
  return context;
}

/** @throws on a route that is open to everybody: a programming error. */
export function principalOf(response: Response): Principal {
  const { principal } = contextOf(response);
  if (principal === undefined) throw new Error('nobody was asked for a key');
  return principal;
}

/** Who counts requests. */
export interface RequestMeter {
  metrics: { requestBegan(): void; requestEnded(request: ServedRequest): void };
  /** The template of the route that a path belongs to. */
  routeOf(path: string): string | undefined;
}

/** First in the chain: gives the request its context, stamps the answer's headers; logs and counts it at its end. */
export function requestContext(log: Logger, meter?: RequestMeter): RequestHandler {
  return (request, response, next) => {
    const controller = new AbortController();
    const id = `req_${randomUUID().replaceAll('-', '')}`;
    const context: RequestContext = {
      id,
      startedAt: performance.now(),
      signal: controller.signal,
      log: log.child({ request_id: id }),
      principal: undefined,
      answered: false,
      fields: {},
    };
    contexts.set(response, context);
    // The socket's, or what TRUST_PROXY says; a closed socket has none.
    const address = request.ip;
    const { path } = request;
    meter?.metrics.requestBegan();
    response.setHeader('x-request-id', id);
    stampProcessingTime(response, context);
    response.once('close', () => {
      const isAnswered = response.writableFinished || context.answered;
      if (!isAnswered) controller.abort();
      const status = isAnswered ? response.statusCode : 499;
      const milliseconds = performance.now() - context.startedAt;
      // A page is dozens of files: nobody looks for these.
      const level = path.startsWith('/assets/') && status < 400 ? 'debug' : 'info';
      context.log[level]('request', {
        method: request.method,
        // The path alone: a query string may hold anything.
        route: path,
        address,
        status,
        ms: Math.round(milliseconds),
        ...context.fields,
      });
      meter?.metrics.requestEnded({
        id,
        model: context.fields.model,
        method: request.method,
        route: meter.routeOf(path),
        status,
        seconds: milliseconds / 1000,
        error: context.fields.error_code,
      });
    });
    next();
  };
}

/** `openai-processing-ms` is known when the headers leave. */
function stampProcessingTime(response: Response, context: RequestContext): void {
  const writeHead = response.writeHead;
  response.writeHead = function (this: Response, ...parameters: unknown[]) {
    if (!this.headersSent) {
      this.setHeader('openai-processing-ms', Math.round(performance.now() - context.startedAt));
    }
    return Reflect.apply(writeHead, this, parameters);
  } as typeof response.writeHead;
}
