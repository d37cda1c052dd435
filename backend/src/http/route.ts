/** A route: what OpenAPI says of it, who may call it, and its handler. `server.ts` mounts the list, `openapi.ts` prints it. */
import type { Request, RequestHandler, Response } from 'express';
import type { ZodOpenApiOperationObject } from 'zod-openapi';

export interface Route {
  method: 'get' | 'post' | 'patch' | 'delete';
  /** OpenAPI spelling: `/v1/models/{model}`. */
  path: string;
  /** Express pattern where it is not the same with `:` for braces. */
  pattern?: string;
  operation: ZodOpenApiOperationObject;
  handle: (request: Request, response: Response) => Promise<void> | void;
}

export function expressPattern(route: Route): string {
  return route.pattern ?? route.path.replaceAll(/\{(\w+)\}/g, ':$1');
}

export function requestHandler(route: Route): RequestHandler {
  // Express 5 passes a rejected promise on to the error handler.
  return (request, response) => route.handle(request, response);
}
