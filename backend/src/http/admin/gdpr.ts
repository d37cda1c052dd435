/** `/api/admin/gdpr`: what there is of a person or a key, and its erasure. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { type GdprErasure, type GdprSubject, gdprErasure, gdprSubject } from '../../contract/gdpr.ts';
import { errorResponses } from '../error-responses.ts';
import { readJson } from '../json-body.ts';
import { contextOf, principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { type AuditLog, audited } from './audited.ts';

export interface GdprOptions {
  /** Its success is in the audit log with the deletion. */
  erase(subject: GdprSubject, actor: string): Promise<GdprErasure>;
  /** Notes the export before it begins; lines of JSON. */
  export(subject: GdprSubject, actor: string): Promise<AsyncIterable<string>>;
  /** For what fails. */
  audit: AuditLog;
}

const common = {
  tags: ['Admin'],
  security: [{ bearer: [] }],
  requestBody: { content: { 'application/json': { schema: gdprSubject } } },
};
const errors = errorResponses(400, 401, 403, 413, 500, 503);

export function gdprRoutes(options: GdprOptions): Route[] {
  return [
    {
      method: 'post',
      path: '/api/admin/gdpr/erase',
      operation: {
        operationId: 'eraseSubject',
        summary: 'Deletes what there is of a person or a key, for good',
        ...common,
        responses: {
          '200': { description: 'What was deleted', content: { 'application/json': { schema: gdprErasure } } },
          ...errors,
        },
      },
      handle: audited(options.audit, 'gdpr.erase', async (request, response) => {
        const subject = await readJson(request, response, gdprSubject);
        response.json(await options.erase(subject, principalOf(response).id));
      }),
    },
    {
      method: 'post',
      path: '/api/admin/gdpr/export',
      operation: {
        operationId: 'exportSubject',
        summary: 'What an erasure would delete, files included',
        ...common,
        responses: {
          '200': {
            description: 'JSON on each line; the last one has the type `end`, or the export is not complete',
            content: { 'application/jsonl': { schema: z.string() } },
          },
          ...errors,
        },
      },
      handle: audited(options.audit, 'gdpr.export', async (request, response) => {
        const subject = await readJson(request, response, gdprSubject);
        const lines = await options.export(subject, principalOf(response).id);
        response.set({ 'content-type': 'application/jsonl; charset=utf-8', 'cache-control': 'no-store' });
        await pipeline(Readable.from(lines), response, { signal: contextOf(response).signal });
      }),
    },
  ];
}
