import { z } from 'zod';
import type { Metrics } from '../../observability/metrics.ts';
import { errorResponses } from '../error-responses.ts';
import type { Route } from '../route.ts';

export function metricsRoute(metrics: Pick<Metrics, 'scrape'>): Route {
  return {
    method: 'get',
    path: '/metrics',
    operation: {
      operationId: 'metrics',
      summary: "Counters and gauges in Prometheus' text format; with METRICS_TOKEN or an admin key",
      tags: ['Operations'],
      security: [{ bearer: [] }],
      responses: {
        '200': { description: 'The figures of now', content: { 'text/plain': { schema: z.string() } } },
        ...errorResponses(401, 403, 500, 503),
      },
    },
    handle: async (_request, response) => {
      const { contentType, text } = await metrics.scrape();
      response.set({ 'content-type': contentType, 'cache-control': 'no-store' });
      response.send(text);
    },
  };
}
