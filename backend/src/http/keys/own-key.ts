/** `GET /v1/key`: who the caller is, what it may do and what is left of its limits. Never the secret. */
import type { ApiKey, KeyUsage, OwnKey } from '../../contract/keys.ts';
import { ownKey } from '../../contract/keys.ts';
import { GatewayError } from '../../errors.ts';
import { errorResponses } from '../error-responses.ts';
import { principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';

export interface OwnKeyOptions {
  /** undefined for callers without a record: keys of the environment, and `anonymous`. */
  find(id: string): Promise<ApiKey | undefined>;
  readUsage(id: string): Promise<KeyUsage>;
  readRequestRate(id: string, perMinute: number): Promise<{ remaining: number; resetSeconds: number }>;
}

export function ownKeyRoute({ find, readUsage, readRequestRate }: OwnKeyOptions): Route {
  return {
    method: 'get',
    path: '/v1/key',
    operation: {
      operationId: 'retrieveOwnKey',
      summary: 'What the calling key is, may do and has used',
      tags: ['Keys'],
      security: [{ bearer: [] }],
      responses: {
        '200': { description: 'The key, without its secret', content: { 'application/json': { schema: ownKey } } },
        ...errorResponses(401, 403, 429, 503),
      },
    },
    handle: async (_request, response) => {
      const { id, role, scopes, limits } = principalOf(response);
      const perMinute = limits.requests_per_minute;
      const counted = Promise.all([
        find(id),
        readUsage(id),
        perMinute === null ? undefined : readRequestRate(id, perMinute),
      ]);
      const [record, usage, rate] = await counted.catch(unlessAway);
      const answer: OwnKey = {
        object: 'key',
        id,
        name: record?.name ?? null,
        role,
        scopes,
        limits: {
          requests_per_minute: {
            limit: perMinute,
            used: perMinute === null || rate === undefined ? null : perMinute - rate.remaining,
            resets_at: rate === undefined ? null : Math.ceil(Date.now() / 1000 + rate.resetSeconds),
          },
          concurrent_jobs: { limit: limits.concurrent_jobs, used: usage?.running ?? null, resets_at: null },
          audio_seconds_per_day: {
            limit: limits.audio_seconds_per_day,
            ...spent(usage?.today),
            resets_at: usage === undefined ? null : startOfNext(usage.today.day, 'day'),
          },
          audio_seconds_per_month: {
            limit: limits.audio_seconds_per_month,
            ...spent(usage?.this_month),
            resets_at: usage === undefined ? null : startOfNext(usage.today.day, 'month'),
          },
        },
        expires_at: record?.expires_at ?? null,
      };
      response.set('cache-control', 'no-store').json(answer);
    },
  };
}

/** Keys of the environment are known without the database, and shall open the dashboard when it is what has failed. */
function unlessAway(error: unknown): [undefined, undefined, undefined] {
  if (error instanceof GatewayError && error.code === 'database_unavailable') return [undefined, undefined, undefined];
  throw error;
}

function spent(span: KeyUsage['this_month'] | KeyUsage['today'] | undefined): { used: number | null } {
  return { used: span === undefined ? null : span.audio_seconds + span.reserved_seconds };
}

/** Unix seconds; `day` is `YYYY-MM-DD` in UTC. */
function startOfNext(day: string, span: 'day' | 'month'): number {
  const date = new Date(`${day}T00:00:00Z`);
  if (span === 'day') date.setUTCDate(date.getUTCDate() + 1);
  else date.setUTCMonth(date.getUTCMonth() + 1, 1);
  return date.getTime() / 1000;
}
