/** `GET /api/admin/usage`: what was charged, by day or by model. */
import { type UsageReport, usageQuery, usageReport } from '../../contract/admin-usage.ts';
import { GatewayError } from '../../errors.ts';
import { parseQuery } from '../query.ts';
import type { Route } from '../route.ts';
import { adminOperation } from './operation.ts';

interface Wanted {
  key: string | undefined;
  /** `YYYY-MM-DD`, both included. */
  from: string;
  to: string;
  group: 'day' | 'model';
}

export type ReadUsageTotals = (wanted: Wanted) => Promise<{ name: string; seconds: number; requests: number }[]>;

const DEFAULT_DAYS = 30;
const DAY_MS = 24 * 3_600_000;

export function adminUsageRoute(readTotals: ReadUsageTotals): Route {
  return {
    method: 'get',
    path: '/api/admin/usage',
    operation: {
      ...adminOperation('adminUsage', 'Audio seconds and requests that were charged, by day or by model', {
        answer: usageReport,
        errors: [400],
      }),
      requestParams: { query: usageQuery },
    },
    handle: async (request, response) => {
      const { key, group = 'day', ...span } = parseQuery(usageQuery, request.query);
      const to = span.to ?? dayOf(Date.now());
      const from = span.from ?? dayOf(Date.parse(to) - (DEFAULT_DAYS - 1) * DAY_MS);
      if (from > to) {
        throw new GatewayError('invalid_value', {
          message: "Invalid value for 'from': it is after 'to'.",
          param: 'from',
        });
      }
      const rows = await readTotals({ key, from, to, group });
      const answer: UsageReport = {
        object: 'usage',
        key: key ?? null,
        from,
        to,
        group,
        data: rows.map(({ name, seconds, requests }) => ({ name: name || null, audio_seconds: seconds, requests })),
        total_audio_seconds: rows.reduce((sum, { seconds }) => sum + seconds, 0),
        total_requests: rows.reduce((sum, { requests }) => sum + requests, 0),
      };
      response.json(answer);
    },
  };
}

/** UTC. */
function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}
