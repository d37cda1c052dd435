/** `/v1/webhooks/deliveries`: what became of the webhooks of the caller's jobs, and how to have one sent again. */
import { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import {
  webhookDelivery,
  webhookDeliveryDetail,
  webhookDeliveryList,
  webhookDeliveryQuery,
  webhookTest,
  webhookTestRequest,
} from '../../contract/webhooks.ts';
import { errorResponses } from '../error-responses.ts';
import { readJson } from '../json-body.ts';
import { parseQuery } from '../query.ts';
import { contextOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import type { WebhookRoutesOptions } from './secrets.ts';

const path = '/v1/webhooks/deliveries';
export const DEFAULT_PAGE = 20;
const shared = { tags: ['Webhooks'], security: [{ bearer: [] }] };

export function webhookDeliveryRoutes({ webhooks, ownerOf }: WebhookRoutesOptions): Route[] {
  const one = (
    operationId: string,
    summary: string,
    schema: z.ZodType = webhookDelivery,
  ): ZodOpenApiOperationObject => ({
    ...shared,
    operationId,
    summary,
    requestParams: { path: z.object({ id: z.string().meta({ description: 'The `webhook-id`' }) }) },
    responses: {
      '200': { description: 'The delivery', content: { 'application/json': { schema } } },
      ...errorResponses(401, 403, 404, 503),
    },
  });
  return [
    {
      method: 'get',
      path,
      operation: {
        ...shared,
        operationId: 'listWebhookDeliveries',
        summary: "Webhooks of the caller's jobs, newest first, page by page",
        requestParams: { query: webhookDeliveryQuery },
        responses: {
          '200': { description: 'One page', content: { 'application/json': { schema: webhookDeliveryList } } },
          ...errorResponses(400, 401, 403, 404, 503),
        },
      },
      handle: async (request, response) => {
        const { job_id: jobId, status, after, limit = DEFAULT_PAGE } = parseQuery(webhookDeliveryQuery, request.query);
        response.json(await webhooks.listDeliveries(ownerOf(response), { jobId, status, after, limit }));
      },
    },
    {
      method: 'get',
      path: `${path}/{id}`,
      operation: one('retrieveWebhookDelivery', 'One delivery, with its payload', webhookDeliveryDetail),
      handle: async (request, response) => {
        response.json(await webhooks.delivery(ownerOf(response), String(request.params.id)));
      },
    },
    {
      method: 'post',
      path: '/v1/webhooks/test',
      operation: {
        ...shared,
        operationId: 'testWebhook',
        summary: 'Sends a `webhook.test` event now, once, and tells what became of it',
        requestBody: { content: { 'application/json': { schema: webhookTestRequest } } },
        responses: {
          '200': { description: 'Whether it arrived', content: { 'application/json': { schema: webhookTest } } },
          ...errorResponses(400, 401, 403, 413, 503),
        },
      },
      handle: async (request, response) => {
        const { url } = await readJson(request, response, webhookTestRequest);
        response.json(await webhooks.sendTest(ownerOf(response), url, contextOf(response).signal));
      },
    },
    {
      method: 'post',
      path: `${path}/{id}/replay`,
      operation: one('replayWebhookDelivery', 'Sends it once more, with the same `webhook-id` and a new timestamp'),
      handle: async (request, response) => {
        response.json(await webhooks.replay(ownerOf(response), String(request.params.id)));
      },
    },
    {
      method: 'post',
      path: `${path}/{id}/cancel`,
      operation: one('cancelWebhookDelivery', 'No more attempts; one that is over stays as it is'),
      handle: async (request, response) => {
        response.json(await webhooks.cancel(ownerOf(response), String(request.params.id)));
      },
    },
  ];
}
