/** `/v1/webhooks/secrets`: what the caller's webhooks are signed with. A secret is in the answer that makes it, only. */
import type { Response } from 'express';
import { z } from 'zod';
import {
  createWebhookSecretRequest,
  deletedWebhookSecret,
  newWebhookSecret,
  webhookSecretList,
} from '../../contract/webhooks.ts';
import type { WebhookService } from '../../jobs/webhook-service.ts';
import { errorResponses } from '../error-responses.ts';
import { readJson } from '../json-body.ts';
import type { Route } from '../route.ts';

export interface WebhookRoutesOptions {
  webhooks: WebhookService;
  /** As `JobTable.owner`. */
  ownerOf(response: Response): string;
}

const path = '/v1/webhooks/secrets';
const shared = { tags: ['Webhooks'], security: [{ bearer: [] }] };

export function webhookSecretRoutes({ webhooks, ownerOf }: WebhookRoutesOptions): Route[] {
  return [
    {
      method: 'get',
      path,
      operation: {
        ...shared,
        operationId: 'listWebhookSecrets',
        summary: 'The secrets that webhooks are signed with now, newest first, without the secrets themselves',
        responses: {
          '200': { description: 'At most two', content: { 'application/json': { schema: webhookSecretList } } },
          ...errorResponses(401, 403, 503),
        },
      },
      handle: async (_request, response) => {
        response.json({ object: 'list', data: await webhooks.listSecrets(ownerOf(response)), has_more: false });
      },
    },
    {
      method: 'post',
      path,
      operation: {
        ...shared,
        operationId: 'createWebhookSecret',
        summary: 'A new secret; webhooks are signed with the one before, too, until it expires',
        requestBody: { content: { 'application/json': { schema: createWebhookSecretRequest } } },
        responses: {
          '201': { description: 'Its only appearance', content: { 'application/json': { schema: newWebhookSecret } } },
          ...errorResponses(400, 401, 403, 409, 413, 503),
        },
      },
      handle: async (request, response) => {
        const { expires_in_seconds: overlap } = await readJson(request, response, createWebhookSecretRequest);
        const secret = await webhooks.createSecret(ownerOf(response), overlap);
        response.status(201).set('cache-control', 'no-store').json(secret);
      },
    },
    {
      method: 'delete',
      path: `${path}/{id}`,
      operation: {
        ...shared,
        operationId: 'deleteWebhookSecret',
        summary: 'Nothing is signed with it any more, from now on',
        requestParams: { path: z.object({ id: z.string() }) },
        responses: {
          '200': { description: 'It is gone', content: { 'application/json': { schema: deletedWebhookSecret } } },
          ...errorResponses(401, 403, 404, 503),
        },
      },
      handle: async (request, response) => {
        const id = String(request.params.id);
        await webhooks.deleteSecret(ownerOf(response), id);
        response.json({ id, object: 'webhook.secret', deleted: true });
      },
    },
  ];
}
