/** What the key in use is, may do and has left. */
import { ownKey } from '@contract/keys.ts';
import { queryOptions } from '@tanstack/react-query';
import { api, defineRoute } from './api.ts';

export const getOwnKey = defineRoute({ method: 'GET', path: '/v1/key', answer: ownKey });

export const ownKeyQuery = queryOptions({
  queryKey: ['own-key'],
  queryFn: ({ signal }) => api(getOwnKey, {}, { signal }),
  staleTime: 60_000,
});
