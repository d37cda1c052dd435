/** `/api/admin/webhooks/deliveries`: the webhooks of every key's jobs, and what operators do about them. */
import { z } from 'zod';
import {
  adminWebhookDeliveryQuery,
  webhookDelivery,
  webhookDeliveryDetail,
  webhookDeliveryList,
} from '../../contract/webhooks.ts';
import { ANY_OWNER } from '../../jobs/job-service.ts';
import { parseQuery } from '../query.ts';
import { principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { DEFAULT_PAGE } from '../webhooks/deliveries.ts';
import type { WebhookRoutesOptions } from '../webhooks/secrets.ts';
import { type AuditLog, audited } from './audited.ts';
import { adminOperation } from './operation.ts';

export interface AdminWebhooksOptions extends Pick<WebhookRoutesOptions, 'webhooks'> {
  audit: AuditLog;
}

const path = '/api/admin/webhooks/deliveries';
const deliveryPath = z.object({ id: z.string().meta({ description: 'The `webhook-id`' }) });

export function adminWebhookRoutes({ webhooks, audit }: AdminWebhooksOptions): Route[] {
  const acting = (action: 'replay' | 'cancel', summary: string): Route => ({
    method: 'post',
    path: `${path}/{id}/${action}`,
    operation: adminOperation(`${action}AnyWebhookDelivery`, summary, {
      path: deliveryPath,
      answer: webhookDelivery,
      errors: [404],
    }),
    handle: audited(audit, `webhook.${action}`, async (request, response) => {
      const delivery = await webhooks[action](ANY_OWNER, String(request.params.id));
      await audit.append({
        actor: principalOf(response).id,
        action: `webhook.${action}`,
        subject: delivery.id,
        result: 'success',
      });
      response.json(delivery);
    }),
  });
  return [
    {
      method: 'get',
      path,
      operation: {
        ...adminOperation('listAllWebhookDeliveries', "Webhooks of every key's jobs, newest first, page by page", {
          answer: webhookDeliveryList,
          errors: [400, 404],
        }),
        requestParams: { query: adminWebhookDeliveryQuery },
      },
      handle: async (request, response) => {
        const query = parseQuery(adminWebhookDeliveryQuery, request.query);
        const { job_id: jobId, status, owner, after, limit = DEFAULT_PAGE } = query;
        response.json(await webhooks.listDeliveries(ANY_OWNER, { jobId, status, owner, after, limit }));
      },
    },
    {
      method: 'get',
      path: `${path}/{id}`,
      operation: adminOperation('retrieveAnyWebhookDelivery', 'One delivery, with its payload', {
        path: deliveryPath,
        answer: webhookDeliveryDetail,
        errors: [404],
      }),
      handle: async (request, response) => {
        response.json(await webhooks.delivery(ANY_OWNER, String(request.params.id)));
      },
    },
    acting('replay', 'Sends it once more, whoever it belongs to'),
    acting('cancel', 'No more attempts; one that is over stays as it is'),
  ];
}
