import { STATUS_CODES } from 'node:http';
import type { ZodOpenApiResponsesObject } from 'zod-openapi';
import { errorEnvelope } from '../contract/error.ts';

/** The error answers of an operation: one envelope for all; `doc/errors.md` lists the codes of each status. */
export function errorResponses(...statuses: number[]): ZodOpenApiResponsesObject {
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      { description: STATUS_CODES[status] ?? 'Error', content: { 'application/json': { schema: errorEnvelope } } },
    ]),
  );
}
