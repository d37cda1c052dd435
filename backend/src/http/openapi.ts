import { createDocument } from 'zod-openapi';
import { adminEvent } from '../contract/admin.ts';
import { transcriptTextDelta, transcriptTextDone } from '../contract/transcription.ts';
import type { Route } from './route.ts';

/** The OpenAPI 3.1 document of these routes; the schemas of streamed events stand in `components`. */
export function openApiDocument(routes: readonly Route[], version: string) {
  const paths: Record<string, Record<string, Route['operation']>> = {};
  for (const { path, method, operation } of routes) paths[path] = { ...paths[path], [method]: operation };
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Audio Gateway',
      version,
      description: 'OpenAI-compatible audio inference. Errors are OpenAI envelopes; every answer has `x-request-id`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: {
        AdminEvent: adminEvent,
        TranscriptTextDeltaEvent: transcriptTextDelta,
        TranscriptTextDoneEvent: transcriptTextDone,
      },
    },
  });
}
