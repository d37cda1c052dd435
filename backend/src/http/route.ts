/** A route: what OpenAPI says of it, who may call it, and its handler. `server.ts` mounts the list, `openapi.ts` prints it. */
import type { Request, RequestHandler, Response } from 'express';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import type { KeyTask } from '../contract/keys.ts';
import { principalOf } from './request-context.ts';
import { requireTask } from './scopes.ts';

export interface Route {
  method: 'get' | 'post' | 'patch' | 'delete';
  /** OpenAPI spelling: `/v1/models/{model}`. */
  path: string;
  /** Express pattern where it is not the same with `:` for braces. */
  pattern?: string;
  /** What a key must be allowed to do; judged before the body is read. */
  task?: KeyTask;
  operation: ZodOpenApiOperationObject;
  handle: (request: Request, response: Response) => Promise<void> | void;
}

export function expressPattern(route: Route): string {
  return route.pattern ?? route.path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** Finds the template of a path without looking at the method: a 405 and a 401 belong to their route, too. */
export function routeNamer(routes: readonly Route[]): (path: string) => string | undefined {
  // As Express matches: whatever the case, with a slash at the end or without. Each template is the label of a metric.
  const templates = [...new Map(routes.map((route) => [route.path, toPattern(route)]))];
  return (path) => templates.find(([, pattern]) => pattern.test(path))?.[0];
}

function toPattern(route: Route): RegExp {
  const source = expressPattern(route)
    .replaceAll('.', String.raw`\.`)
    .replaceAll(/\*\w+/g, '.+')
    .replaceAll(/:\w+/g, '[^/]+');
  return new RegExp(`^${source}/?$`, 'i');
}

export function requestHandler(route: Route): RequestHandler {
  // Express 5 passes a rejected promise on to the error handler.
  return (request, response) => {
    if (route.task !== undefined) requireTask(principalOf(response), route.task);
    return route.handle(request, response);
  };
}
