/** Webhooks of the key in use: their deliveries, and the secrets they are signed with. */
import {
  createWebhookSecretRequest,
  deletedWebhookSecret,
  newWebhookSecret,
  webhookDelivery,
  webhookDeliveryDetail,
  webhookDeliveryList,
  webhookSecretList,
  webhookTest,
  webhookTestRequest,
} from '@contract/webhooks.ts';
import { infiniteQueryOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';
import { addLiveRules } from './live/live-rules.ts';

export interface DeliveryFilters {
  status?: string | undefined;
  job_id?: string | undefined;
}

const listDeliveries = defineRoute({ method: 'GET', path: '/v1/webhooks/deliveries', answer: webhookDeliveryList });
const getDelivery = defineRoute({
  method: 'GET',
  path: '/v1/webhooks/deliveries/{id}',
  answer: webhookDeliveryDetail,
});
const listSecrets = defineRoute({ method: 'GET', path: '/v1/webhooks/secrets', answer: webhookSecretList });

export const replayDelivery = defineRoute({
  method: 'POST',
  path: '/v1/webhooks/deliveries/{id}/replay',
  answer: webhookDelivery,
});
export const cancelDelivery = defineRoute({
  method: 'POST',
  path: '/v1/webhooks/deliveries/{id}/cancel',
  answer: webhookDelivery,
});
export const testWebhook = defineRoute({
  method: 'POST',
  path: '/v1/webhooks/test',
  body: webhookTestRequest,
  answer: webhookTest,
});
export const createSecret = defineRoute({
  method: 'POST',
  path: '/v1/webhooks/secrets',
  body: createWebhookSecretRequest,
  answer: newWebhookSecret,
});
export const deleteSecret = defineRoute({
  method: 'DELETE',
  path: '/v1/webhooks/secrets/{id}',
  answer: deletedWebhookSecret,
});

const PAGE = 50;

export function deliveriesQuery(filters: DeliveryFilters) {
  return infiniteQueryOptions({
    queryKey: ['deliveries', filters],
    meta: LIVE,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api(listDeliveries, { query: { ...filters, limit: PAGE, after: pageParam } }, { signal }),
    getNextPageParam: ({ has_more, last_id }) => (has_more ? (last_id ?? undefined) : undefined),
    refetchInterval: liveInterval(),
  });
}

export function deliveryQuery(id: string) {
  return queryOptions({
    queryKey: ['delivery', id],
    meta: LIVE,
    queryFn: ({ signal }) => api(getDelivery, { params: { id } }, { signal }),
    refetchInterval: liveInterval(),
  });
}

export const webhookSecretsQuery = queryOptions({
  queryKey: ['webhook-secrets'],
  meta: LIVE,
  queryFn: async ({ signal }) => (await api(listSecrets, {}, { signal })).data,
  refetchInterval: liveInterval(),
});

export function refreshWebhooks(client: QueryClient): void {
  for (const name of ['deliveries', 'delivery']) void client.invalidateQueries({ queryKey: [name] });
}

addLiveRules({
  'webhook.changed': (_event, client) => refreshWebhooks(client),
  'webhook_secret.changed': (_event, client) => {
    void client.invalidateQueries({ queryKey: webhookSecretsQuery.queryKey });
  },
});
