/** `GET /api/admin/logs`: the last lines of this gateway's log. */
import { logLineList, logQuery } from '../../contract/logs.ts';
import type { LogRing } from '../../observability/log-ring.ts';
import { parseQuery } from '../query.ts';
import type { Route } from '../route.ts';
import { adminOperation } from './operation.ts';

const DEFAULT_LIMIT = 100;

export function adminLogsRoute(ring: Pick<LogRing, 'find'>): Route {
  return {
    method: 'get',
    path: '/api/admin/logs',
    operation: {
      ...adminOperation('adminLogs', 'The last lines of the log of this gateway, newest first', {
        answer: logLineList,
        errors: [400],
      }),
      requestParams: { query: logQuery },
    },
    handle: (request, response) => {
      const query = parseQuery(logQuery, request.query);
      const { lines, hasMore } = ring.find({
        requestId: query.request_id,
        level: query.level,
        text: query.q,
        before: query.before,
        limit: query.limit ?? DEFAULT_LIMIT,
      });
      response.set('cache-control', 'no-store').json({ object: 'list', data: lines, has_more: hasMore });
    },
  };
}
