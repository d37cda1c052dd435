/** How `/openapi.json` describes what takes a file and can be a job: the same frame around each form and answer. */
import type { ZodObject, ZodType } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import { errorResponses } from '../error-responses.ts';
import { jobHeaders, jobResponses } from './job-operation.ts';

export interface AudioOperation {
  operationId: string;
  summary: string;
  form: ZodObject;
  /** Of an answer that is waited for. */
  answer: { description: string; content: Record<string, { schema: ZodType }> };
}

export function audioOperation({ operationId, summary, form, answer }: AudioOperation): ZodOpenApiOperationObject {
  return {
    operationId,
    summary,
    tags: ['Audio'],
    security: [{ bearer: [] }],
    requestParams: { header: jobHeaders },
    requestBody: { required: true, content: { 'multipart/form-data': { schema: form } } },
    responses: {
      '200': answer,
      ...jobResponses,
      ...errorResponses(400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504, 507),
    },
  };
}
