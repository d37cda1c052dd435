import { health } from '@contract/health.ts';
import { queryOptions } from '@tanstack/react-query';
import { api, defineRoute } from './api.ts';

const WELL_MS = 10_000;
const ILL_MS = 5_000;

const getHealth = defineRoute({ method: 'GET', path: '/health', answer: health });

export const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: ({ signal }) => api(getHealth, {}, { signal }),
  refetchInterval: ({ state }) => (state.error === null && state.data?.status === 'ok' ? WELL_MS : ILL_MS),
});
