/** `GET /api/admin/events`: a snapshot, then every change of a model and every sample of the GPUs, at most four a second of each. */
import { z } from 'zod';
import type { AdminEvent, AdminModel } from '../../contract/admin.ts';
import type { GpuList } from '../../contract/gpus.ts';
import { errorResponses } from '../error-responses.ts';
import type { Route } from '../route.ts';
import { EventStream } from '../sse.ts';

const MIN_INTERVAL_MS = 250;
/** Events a slow reader may leave unsent before its stream is ended; it reconnects and gets a fresh snapshot. */
const MAX_UNSENT = 256;

export interface ModelFeed {
  list(): AdminModel[];
  onChange(listener: (model: AdminModel) => void): () => void;
}

export interface GpuFeed {
  current(): GpuList;
  subscribe(listener: (gpus: GpuList) => void): () => void;
}

export function adminEventsRoute(feed: ModelFeed, gpuFeed: GpuFeed): Route {
  return {
    method: 'get',
    path: '/api/admin/events',
    operation: {
      operationId: 'adminEvents',
      summary: 'State changes as server-sent events',
      tags: ['Admin'],
      security: [{ bearer: [] }],
      responses: {
        '200': {
          description: '`data:` frames of AdminEvent: `snapshot` first, then `model.state` and `gpu.sample`',
          content: { 'text/event-stream': { schema: z.string() } },
        },
        ...errorResponses(401, 403, 500, 503),
      },
    },
    handle: (_request, response) => {
      const stream = new EventStream(response);
      const models = feed.list();
      const rev = Math.max(0, ...models.map((model) => model.rev));
      send(stream, { type: 'snapshot', rev, models });
      sendGpus(stream, gpuFeed.current());

      const waiting = new Map<string, AdminModel>();
      let waitingGpus: GpuList | undefined;
      let timer: NodeJS.Timeout | undefined;
      let unsent = 0;
      const flush = () => {
        timer = undefined;
        for (const model of waiting.values()) {
          unsent = send(stream, { type: 'model.state', rev: model.rev, model }) ? 0 : unsent + 1;
        }
        waiting.clear();
        if (waitingGpus !== undefined) unsent = sendGpus(stream, waitingGpus) ? 0 : unsent + 1;
        waitingGpus = undefined;
        if (unsent > MAX_UNSENT) stream.end();
      };
      const stopModels = feed.onChange((model) => {
        waiting.set(model.id, model);
        timer ??= setTimeout(flush, MIN_INTERVAL_MS);
      });
      const stopGpus = gpuFeed.subscribe((gpus) => {
        waitingGpus = gpus;
        timer ??= setTimeout(flush, MIN_INTERVAL_MS);
      });
      response.once('close', () => {
        stopModels();
        stopGpus();
        clearTimeout(timer);
      });
    },
  };
}

function send(stream: EventStream, event: AdminEvent): boolean {
  return stream.send(event, event.rev);
}

/** Without an id: the GPUs' count must not pass for the models'. */
function sendGpus(stream: EventStream, gpus: GpuList): boolean {
  return stream.send({ type: 'gpu.sample', rev: gpus.rev, gpus } satisfies AdminEvent);
}
