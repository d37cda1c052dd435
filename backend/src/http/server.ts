/** The HTTP side, composed: context → compression → CORS → who may come in → routes → page → JSON 404 → errors. */
import { createServer, type Server } from 'node:http';
import express from 'express';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type AuthOptions, requireAdmin, requireMetricsReader, requireUser } from './auth.ts';
import { answerBrokenRequests } from './broken-requests.ts';
import { compressReads } from './compress.ts';
import { corsForOpenAi } from './cors.ts';
import { errorHandler, unknownUrl } from './error-handler.ts';
import { deferContinue } from './expect-continue.ts';
import { openApiRoute } from './openapi.ts';
import { dashboardPage } from './page.ts';
import { type RequestMeter, requestContext } from './request-context.ts';
import { expressPattern, type Route, requestHandler, routeNamer } from './route.ts';

export interface ServerOptions {
  version: string;
  log: Logger;
  /** Counts requests; undefined: nobody does. */
  metrics?: RequestMeter['metrics'] | undefined;
  auth: AuthOptions;
  routes: readonly Route[];
  frontendDist: string;
  /** Express's `trust proxy`: whose X-Forwarded-For is believed. */
  trustProxy: false | number | readonly string[];
}

/** Headers must come soon; a body may take long (a slow line, a large file) as long as it keeps coming. */
const HEADERS_TIMEOUT_MS = 60_000;

export function createHttpServer(options: ServerOptions): Server {
  const routes = [...options.routes, openApiRoute(options.routes, options.version)];
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', options.trustProxy);
  const { log, metrics } = options;
  app.use(requestContext(log, metrics && { metrics, routeOf: routeNamer(routes) }));
  app.use(compressReads());
  app.use('/v1', corsForOpenAi(options.auth.corsOrigins), requireUser(options.auth));
  app.use('/api', requireAdmin(options.auth));
  app.use('/metrics', requireMetricsReader(options.auth));
  for (const route of routes) app[route.method](expressPattern(route), requestHandler(route));
  for (const pattern of new Set(routes.map(expressPattern))) {
    const methods = routes
      .filter((route) => expressPattern(route) === pattern)
      .flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
    app.all(pattern, (request, response) => {
      response.setHeader('allow', methods.join(', '));
      throw new GatewayError('method_not_allowed', {
        message: `${request.method} is not allowed here; use ${methods.join(' or ')}.`,
      });
    });
  }
  app.use(dashboardPage(options.frontendDist));
  app.use(unknownUrl);
  app.use(errorHandler);

  const server = createServer(
    // A missing Host header is the app's to judge: Node's own refusal has no envelope.
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: 0, requireHostHeader: false },
    app,
  );
  deferContinue(server);
  answerBrokenRequests(server, log);
  return server;
}
