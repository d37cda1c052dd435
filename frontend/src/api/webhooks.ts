/** Deliveries of webhooks, of all keys for operators, else the key's own; and the secrets that those of the key are signed with. */
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
import type { Role } from './session.ts';

export interface DeliveryFilters {
  status?: string | undefined;
  job_id?: string | undefined;
  /** Id of a key, where operators look. */
  owner?: string | undefined;
}

const routesUnder = (path: `/${string}`) => ({
  list: defineRoute({ method: 'GET', path, answer: webhookDeliveryList }),
  one: defineRoute({ method: 'GET', path: `${path}/{id}`, answer: webhookDeliveryDetail }),
  replay: defineRoute({ method: 'POST', path: `${path}/{id}/replay`, answer: webhookDelivery }),
  cancel: defineRoute({ method: 'POST', path: `${path}/{id}/cancel`, answer: webhookDelivery }),
});
const ROUTES = {
  admin: routesUnder('/api/admin/webhooks/deliveries'),
  user: routesUnder('/v1/webhooks/deliveries'),
} as const;
const listSecrets = defineRoute({ method: 'GET', path: '/v1/webhooks/secrets', answer: webhookSecretList });

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

export function deliveriesQuery(role: Role, filters: DeliveryFilters) {
  return infiniteQueryOptions({
    queryKey: ['deliveries', role, filters],
    meta: LIVE,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api(ROUTES[role].list, { query: { ...filters, limit: PAGE, after: pageParam } }, { signal }),
    getNextPageParam: ({ has_more, last_id }) => (has_more ? (last_id ?? undefined) : undefined),
    refetchInterval: liveInterval(),
  });
}

export function deliveryQuery(role: Role, id: string) {
  return queryOptions({
    queryKey: ['delivery', role, id],
    meta: LIVE,
    queryFn: ({ signal }) => api(ROUTES[role].one, { params: { id } }, { signal }),
    refetchInterval: liveInterval(),
  });
}

/** Sends it once more, or gives it up. */
export const actOnDelivery = (role: Role, id: string, action: 'replay' | 'cancel') =>
  api(ROUTES[role][action], { params: { id } });

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
