import { health } from '@contract/health.ts';
import { queryOptions } from '@tanstack/react-query';
import { requestJson } from './request-json.ts';

const WELL_MS = 10_000;
const ILL_MS = 5_000;

export const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: ({ signal }) => requestJson('/health', health, { signal }),
  refetchInterval: ({ state }) => (state.error === null && state.data?.status === 'ok' ? WELL_MS : ILL_MS),
});
