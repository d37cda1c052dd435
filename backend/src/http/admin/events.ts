/** `GET /api/admin/events`: a snapshot, then whatever happens, at most four times a second of each thing. */
import { z } from 'zod';
import { type AdminEvent, type AdminModel, adminEventsQuery } from '../../contract/admin.ts';
import type { GpuList } from '../../contract/gpus.ts';
import { errorResponses } from '../error-responses.ts';
import { parseQuery } from '../query.ts';
import type { Route } from '../route.ts';
import { EventStream } from '../sse.ts';
import type { AdminFeed } from './admin-feed.ts';

export interface AdminEventsOptions {
  feed: AdminFeed;
  models: { list(): AdminModel[]; rev: number };
  gpus: { current(): GpuList };
}

export function adminEventsRoute({ feed, models, gpus }: AdminEventsOptions): Route {
  return {
    method: 'get',
    path: '/api/admin/events',
    operation: {
      operationId: 'adminEvents',
      summary: 'State changes as server-sent events',
      tags: ['Admin'],
      security: [{ bearer: [] }],
      requestParams: {
        query: adminEventsQuery,
        header: z.object({
          'last-event-id': z.string().optional().meta({ description: 'Goes on behind that event, or sends `resync`' }),
        }),
      },
      responses: {
        '200': {
          description: '`data:` frames of AdminEvent: `snapshot` first, unless `Last-Event-ID` is known still',
          content: { 'text/event-stream': { schema: z.string() } },
        },
        ...errorResponses(400, 401, 403, 500, 503),
      },
    },
    handle: (request, response) => {
      const { include } = parseQuery(adminEventsQuery, request.query);
      const last = request.headers['last-event-id'];
      const missed = last === undefined ? undefined : feed.since(Number(last));
      const stream = new EventStream(response);
      const send = (event: AdminEvent, id?: number) => stream.send(event, id);
      if (missed === undefined) {
        const { rev } = models;
        if (last !== undefined) send({ type: 'resync', rev });
        send({ type: 'snapshot', rev, models: models.list() }, feed.lastId);
      } else for (const frame of missed) stream.sendFrame(frame);
      // Without an id: it is sent to whoever comes.
      const list = gpus.current();
      send({ type: 'gpu.sample', rev: list.rev, gpus: list });
      const stop = feed.subscribe({
        logs: include === 'logs',
        write: (frame) => stream.sendFrame(frame),
        end: () => stream.end(),
      });
      response.once('close', stop);
    },
  };
}
