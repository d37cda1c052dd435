/** `/api/admin/gpus`: the GPUs as last sampled, one in full, and the last hour of one. */
import { z } from 'zod';
import {
  type GpuDetail,
  type GpuHistory,
  type GpuList,
  gpuDetail,
  gpuHistory,
  gpuHistoryQuery,
  gpuList,
} from '../../contract/gpus.ts';
import { parseQuery } from '../query.ts';
import { contextOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { adminOperation } from './operation.ts';

export interface AdminGpusOptions {
  monitor: {
    current(): GpuList;
    history(id: string, span: { windowSeconds?: number | undefined; stepSeconds?: number | undefined }): GpuHistory;
  };
  detail(id: string, signal: AbortSignal): Promise<GpuDetail>;
}

const path = '/api/admin/gpus';
const idPath = z.object({ id: z.string().meta({ description: 'Index or UUID' }) });

export function adminGpusRoutes({ monitor, detail }: AdminGpusOptions): Route[] {
  return [
    {
      method: 'get',
      path,
      operation: adminOperation('listGpus', 'The GPUs as last sampled, or why there are none', { answer: gpuList }),
      handle: (_request, response) => {
        response.json(monitor.current());
      },
    },
    {
      method: 'get',
      path: `${path}/{id}`,
      operation: adminOperation('retrieveGpu', 'All that the driver tells of one GPU, asked for now', {
        path: idPath,
        answer: gpuDetail,
        errors: [404],
      }),
      handle: async (request, response) => {
        response.json(await detail(String(request.params.id), contextOf(response).signal));
      },
    },
    {
      method: 'get',
      path: `${path}/{id}/history`,
      operation: {
        ...adminOperation('gpuHistory', 'Least and greatest of each span, up to an hour back', {
          answer: gpuHistory,
          errors: [400, 404],
        }),
        requestParams: { path: idPath, query: gpuHistoryQuery },
      },
      handle: (request, response) => {
        const query = parseQuery(gpuHistoryQuery, request.query);
        const span = { windowSeconds: query.window_seconds, stepSeconds: query.step_seconds };
        response.json(monitor.history(String(request.params.id), span));
      },
    },
  ];
}
