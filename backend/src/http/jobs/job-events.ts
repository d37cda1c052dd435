/** `GET /v1/jobs/{id}/events`: what has happened to a job, then what happens. */
import { z } from 'zod';
import type { JobService } from '../../jobs/job-service.ts';
import { errorResponses } from '../error-responses.ts';
import { ownerOf } from '../owner.ts';
import { contextOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { EventStream } from '../sse.ts';
import { idOf, jobPath } from './jobs.ts';

export function jobEventsRoute(jobs: JobService): Route {
  return {
    method: 'get',
    path: '/v1/jobs/{id}/events',
    operation: {
      operationId: 'jobEvents',
      summary: 'State, progress and text of a job as server-sent events',
      tags: ['Jobs'],
      security: [{ bearer: [] }],
      requestParams: {
        path: jobPath,
        header: z.object({
          'last-event-id': z.string().optional().meta({ description: 'Goes on behind that event' }),
        }),
      },
      responses: {
        '200': {
          description: '`data:` frames of JobEvent, from the first or behind `Last-Event-ID`; ends with the job',
          content: { 'text/event-stream': { schema: z.string() } },
        },
        ...errorResponses(401, 403, 404, 503),
      },
    },
    handle: async (request, response) => {
      const job = await jobs.get(ownerOf(response), idOf(request.params));
      const last = Number(request.headers['last-event-id'] ?? 0);
      const { signal } = contextOf(response);
      const stream = new EventStream(response);
      stream.start();
      for await (const { seq, event } of jobs.events(job, Number.isInteger(last) ? last : 0, signal)) {
        // A slow reader holds its own events up, nobody else's.
        if (!stream.send(event, seq)) await drained(response, signal);
      }
      if (!signal.aborted) {
        contextOf(response).answered = true;
        stream.end();
      }
    },
  };
}

async function drained(response: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => resolve();
  response.once('drain', done);
  signal.addEventListener('abort', done, { once: true });
  await promise;
  response.off('drain', done);
  signal.removeEventListener('abort', done);
}
