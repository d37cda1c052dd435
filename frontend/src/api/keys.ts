/** API keys, as operators manage them. */
import { usageReport } from '@contract/admin-usage.ts';
import {
  apiKey,
  apiKeyList,
  apiKeyWithSecret,
  createKeyRequest,
  keyUsage,
  rotateKeyRequest,
  updateKeyRequest,
} from '@contract/keys.ts';
import { type QueryClient, queryOptions } from '@tanstack/react-query';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';
import { addLiveRules } from './live/live-rules.ts';

const listKeys = defineRoute({ method: 'GET', path: '/api/admin/keys', answer: apiKeyList });
const getKeyUsage = defineRoute({ method: 'GET', path: '/api/admin/keys/{id}/usage', answer: keyUsage });
const getUsage = defineRoute({ method: 'GET', path: '/api/admin/usage', answer: usageReport });

export const createKey = defineRoute({
  method: 'POST',
  path: '/api/admin/keys',
  body: createKeyRequest,
  answer: apiKeyWithSecret,
});
export const updateKey = defineRoute({
  method: 'PATCH',
  path: '/api/admin/keys/{id}',
  body: updateKeyRequest,
  answer: apiKey,
});
export const rotateKey = defineRoute({
  method: 'POST',
  path: '/api/admin/keys/{id}/rotate',
  body: rotateKeyRequest,
  answer: apiKeyWithSecret,
});
export const revokeKey = defineRoute({ method: 'POST', path: '/api/admin/keys/{id}/revoke', answer: apiKey });

const USAGE_MS = 30_000;

export const keysQuery = queryOptions({
  queryKey: ['keys'],
  meta: LIVE,
  queryFn: async ({ signal }) => (await api(listKeys, {}, { signal })).data,
  refetchInterval: liveInterval(),
});

export function keyUsageQuery(id: string) {
  return queryOptions({
    queryKey: ['key-usage', id],
    queryFn: ({ signal }) => api(getKeyUsage, { params: { id } }, { signal }),
    staleTime: USAGE_MS,
    refetchInterval: USAGE_MS,
  });
}

/** @param from first day, `YYYY-MM-DD`, UTC */
export function usageByDayQuery(key: string, from: string) {
  return queryOptions({
    queryKey: ['usage', key, from],
    queryFn: ({ signal }) => api(getUsage, { query: { key, from, group: 'day' } }, { signal }),
    staleTime: USAGE_MS,
    placeholderData: (before) => before,
  });
}

export function refreshKeys(client: QueryClient): Promise<unknown> {
  return client.invalidateQueries({ queryKey: ['keys'] });
}

addLiveRules({
  'key.changed': (_event, client) => {
    void refreshKeys(client);
  },
});
