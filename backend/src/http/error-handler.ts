/** The only place that renders errors: OpenAI's envelope for whatever was thrown. */
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { type ErrorCode, GatewayError, toGatewayError } from '../errors.ts';
import { answerEarly } from './answer-early.ts';
import { isAwaitingContinue } from './expect-continue.ts';
import { contextOf } from './request-context.ts';

/** These would not go better at once, though clients repeat their statuses. */
const NOT_WORTH_REPEATING: ReadonlySet<ErrorCode> = new Set([
  'insufficient_storage',
  'request_timeout',
  'insufficient_quota',
  'key_is_revoked',
  'model_exists',
  'model_is_built_in',
  'model_files_elsewhere',
  'speaker_exists',
]);

/** No route matched: JSON, never Express's HTML. */
export const unknownUrl: RequestHandler = (request) => {
  throw new GatewayError('unknown_url', {
    message: `Unknown request URL: ${request.method} ${request.path}. See /openapi.json for the routes of this server.`,
  });
};

export const errorHandler: ErrorRequestHandler = (thrown, request, response, _next) => {
  const error = fromExpress(thrown);
  const context = contextOf(response);
  noteError(response, error);
  if (response.headersSent) {
    // Too late for a status; the connection's end is the only signal left.
    response.destroy();
    return;
  }
  if (context.signal.aborted) return;
  setErrorHead(response, error);
  if (isBodyComing(request)) {
    answerEarly(request, response, errorBody(error));
    return;
  }
  // The client may send all the same what it was not told to.
  if (isAwaitingContinue(request)) response.setHeader('connection', 'close');
  response.json(errorBody(error));
};

function isBodyComing(request: Request): boolean {
  const { 'transfer-encoding': encoding, 'content-length': length = '0' } = request.headers;
  return !request.complete && (encoding !== undefined || length !== '0') && !isAwaitingContinue(request);
}

function setErrorHead(response: Response, error: GatewayError): void {
  if (error.retryAfterSeconds !== undefined) response.setHeader('retry-after', error.retryAfterSeconds);
  if (error.headers !== undefined) response.set(error.headers);
  if (NOT_WORTH_REPEATING.has(error.code)) response.setHeader('x-should-retry', 'false');
  response.status(error.status);
}

export function errorBody(error: GatewayError) {
  return {
    error: { message: error.message, type: error.type, param: error.param ?? null, code: error.code, ...error.extra },
  };
}

/** Puts the error into the request's log line, with everything callers must not see. */
export function noteError(response: Response, error: GatewayError): void {
  const { fields, log } = contextOf(response);
  fields.error_code = error.code;
  if (error.status >= 500) log.error(error.message, { code: error.code, detail: error.detail, cause: error.cause });
}

/** Express's own failures (a bad percent-encoding, a malformed URL) have a status and no code of ours. */
function fromExpress(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof URIError || (thrown instanceof Error && 'status' in thrown && thrown.status === 400)) {
    return new GatewayError('invalid_request', { message: 'The request could not be read.', cause: thrown });
  }
  return toGatewayError(thrown);
}
