import type { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import { errorResponses } from '../error-responses.ts';

export interface OperationParts {
  path?: z.ZodObject;
  body?: z.ZodType;
  /** Of success; default 200. */
  status?: number;
  answer: z.ZodType;
  /** Statuses beside those that every admin route may answer with. */
  errors?: number[];
}

/** An admin route that takes and answers JSON, for OpenAPI. */
export function adminOperation(operationId: string, summary: string, parts: OperationParts): ZodOpenApiOperationObject {
  const { path, body, status = 200, answer, errors = [] } = parts;
  return {
    operationId,
    summary,
    tags: ['Admin'],
    security: [{ bearer: [] }],
    ...(path === undefined ? {} : { requestParams: { path } }),
    ...(body === undefined ? {} : { requestBody: { content: { 'application/json': { schema: body } } } }),
    responses: {
      [status]: { description: 'Done', content: { 'application/json': { schema: answer } } },
      ...errorResponses(...errors, 401, 403, 500, 503),
    },
  };
}
