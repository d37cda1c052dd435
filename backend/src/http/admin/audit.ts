/** `GET /api/admin/audit`: the whole audit log as JSON Lines, to be kept elsewhere or verified. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { AuditRow } from '../../contract/audit.ts';
import { errorResponses } from '../error-responses.ts';
import { contextOf, principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { type AuditLog, audited } from './audited.ts';

export interface AuditExport extends AuditLog {
  /** Oldest first. */
  rows(): AsyncIterable<Omit<AuditRow, 'at'> & { at: Date }>;
}

export function adminAuditRoute(audit: AuditExport): Route {
  return {
    method: 'get',
    path: '/api/admin/audit',
    operation: {
      operationId: 'exportAudit',
      summary: 'The audit log, oldest row first, this export included',
      tags: ['Admin'],
      security: [{ bearer: [] }],
      responses: {
        '200': {
          description: 'One AuditRow as JSON on each line',
          content: { 'application/jsonl': { schema: z.string() } },
        },
        ...errorResponses(401, 403, 500, 503),
      },
    },
    handle: audited(audit, 'audit.export', async (_request, response) => {
      await audit.append({ actor: principalOf(response).id, action: 'audit.export', result: 'success' });
      response.set({ 'content-type': 'application/jsonl; charset=utf-8', 'cache-control': 'no-store' });
      const { signal } = contextOf(response);
      // With HEAD, Node drops what is written.
      await pipeline(Readable.from(toLines(audit.rows())), response, { signal });
    }),
  };
}

async function* toLines(rows: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(row)}\n`;
}
