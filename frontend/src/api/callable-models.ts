/** Models as any key may call them. */
import { modelList } from '@contract/models.ts';
import { queryOptions } from '@tanstack/react-query';
import { api, defineRoute } from './api.ts';

const IDLE_MS = 5_000;
const BUSY_MS = 1_000;

const listModels = defineRoute({ method: 'GET', path: '/v1/models', answer: modelList });

/** Polled: the event stream is for operators alone. */
export const callableModelsQuery = queryOptions({
  queryKey: ['callable-models'],
  queryFn: async ({ signal }) => (await api(listModels, {}, { signal })).data,
  refetchInterval: ({ state }) =>
    state.data?.some(({ status }) => status === 'loading' || status === 'downloading') === true ? BUSY_MS : IDLE_MS,
});
