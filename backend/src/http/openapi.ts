import { z } from 'zod';
import { createDocument } from 'zod-openapi';
import { adminEvent } from '../contract/admin.ts';
import { auditRow } from '../contract/audit.ts';
import { jobEvent } from '../contract/jobs.ts';
import { transcriptTextDelta, transcriptTextDone } from '../contract/transcription.ts';
import type { Route } from './route.ts';
import { webhookDescriptions } from './webhooks/description.ts';

/** `GET /openapi.json`: the document of these routes and itself. */
export function openApiRoute(routes: readonly Route[], version: string): Route {
  const route: Route = {
    method: 'get',
    path: '/openapi.json',
    operation: {
      operationId: 'openApi',
      summary: 'This document',
      tags: ['Operations'],
      responses: {
        '200': { description: 'OpenAPI 3.1', content: { 'application/json': { schema: z.looseObject({}) } } },
      },
    },
    handle: (_request, response) => {
      response.json(document);
    },
  };
  const document = openApiDocument([...routes, route], version);
  return route;
}

/** The OpenAPI 3.1 document of these routes; the schemas of streamed events stand in `components`. */
function openApiDocument(routes: readonly Route[], version: string) {
  const paths: Record<string, Record<string, Route['operation']>> = {};
  for (const { path, method, operation } of routes) {
    // What takes a bearer takes the other header as well.
    const security = operation.security === undefined ? {} : { security: [{ bearer: [] }, { apiKeyHeader: [] }] };
    paths[path] = { ...paths[path], [method]: { ...operation, ...security } };
  }
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Audio Gateway',
      version,
      description: 'OpenAI-compatible audio inference. Errors are OpenAI envelopes; every answer has `x-request-id`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths,
    webhooks: webhookDescriptions,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKeyHeader: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
      schemas: {
        AdminEvent: adminEvent,
        JobEvent: jobEvent,
        AuditRow: auditRow,
        TranscriptTextDeltaEvent: transcriptTextDelta,
        TranscriptTextDoneEvent: transcriptTextDone,
      },
    },
  });
}
