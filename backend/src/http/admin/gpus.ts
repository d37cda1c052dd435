/** `/api/admin/gpus`: the GPUs as last sampled, one in full, and the last hour of one. */
import type { Request } from 'express';
import { z } from 'zod';
import {
  type GpuDetail,
  type GpuHistory,
  type GpuList,
  type GpuSeries,
  gpuDetail,
  gpuHistory,
  gpuHistoryQuery,
  gpuList,
  gpuSeries,
  gpuSeriesQuery,
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
  series(span: { windowSeconds?: number | undefined; stepSeconds?: number | undefined }): GpuSeries;
  detail(id: string, signal: AbortSignal): Promise<GpuDetail>;
}

const path = '/api/admin/gpus';
const idPath = z.object({ id: z.string().meta({ description: 'Index or UUID' }) });

export function adminGpusRoutes({ monitor, series, detail }: AdminGpusOptions): Route[] {
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
      path: `${path}/history`,
      operation: {
        ...adminOperation('gpuSeries', 'All GPUs on one axis of time, who held their memory, and what happened', {
          answer: gpuSeries,
          errors: [400],
        }),
        requestParams: { query: gpuSeriesQuery },
      },
      handle: (request, response) => {
        response.json(series(spanOf(request, gpuSeriesQuery)));
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
        response.json(monitor.history(String(request.params.id), spanOf(request, gpuHistoryQuery)));
      },
    },
  ];
}

/** @throws invalid_value */
function spanOf(
  { query }: Request,
  schema: typeof gpuHistoryQuery | typeof gpuSeriesQuery,
): { windowSeconds: number | undefined; stepSeconds: number | undefined } {
  const { window_seconds, step_seconds } = parseQuery(schema, query);
  return { windowSeconds: window_seconds, stepSeconds: step_seconds };
}
