/** `/api/admin/gpus`: the GPUs as last sampled, one in full, and the last hour of one. */
import { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import {
  type GpuDetail,
  type GpuHistory,
  type GpuList,
  gpuDetail,
  gpuHistory,
  gpuHistoryQuery,
  gpuList,
} from '../../contract/gpus.ts';
import { errorResponses } from '../error-responses.ts';
import { parseQuery } from '../query.ts';
import { contextOf } from '../request-context.ts';
import type { Route } from '../route.ts';

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
      operation: operation('listGpus', 'The GPUs as last sampled, or why there are none', gpuList),
      handle: (_request, response) => {
        response.json(monitor.current());
      },
    },
    {
      method: 'get',
      path: `${path}/{id}`,
      operation: {
        ...operation('retrieveGpu', 'All that the driver tells of one GPU, asked for now', gpuDetail, 404),
        requestParams: { path: idPath },
      },
      handle: async (request, response) => {
        response.json(await detail(String(request.params.id), contextOf(response).signal));
      },
    },
    {
      method: 'get',
      path: `${path}/{id}/history`,
      operation: {
        ...operation('gpuHistory', 'Least and greatest of each span, up to an hour back', gpuHistory, 400, 404),
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

function operation(
  operationId: string,
  summary: string,
  answer: z.ZodType,
  ...errors: number[]
): ZodOpenApiOperationObject {
  return {
    operationId,
    summary,
    tags: ['Admin'],
    security: [{ bearer: [] }],
    responses: {
      '200': { description: 'As known', content: { 'application/json': { schema: answer } } },
      ...errorResponses(...errors, 401, 403, 500, 503),
    },
  };
}
