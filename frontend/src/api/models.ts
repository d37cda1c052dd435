/** Models as operators see them. */
import { type AdminModel, type AdminModelDetail, adminModelDetail, adminModelList } from '@contract/admin.ts';
import { queryOptions } from '@tanstack/react-query';
import { mergeByRev } from '../lib/merge-by-rev.ts';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';

const listModels = defineRoute({ method: 'GET', path: '/api/admin/models', answer: adminModelList });
const getModel = defineRoute({ method: 'GET', path: '/api/admin/models/{key}', answer: adminModelDetail });

const MODELS_KEY = ['models'];

export const modelsQuery = queryOptions({
  queryKey: MODELS_KEY,
  meta: LIVE,
  queryFn: async ({ client, signal }) => {
    const before = client.getQueryData<AdminModel[]>(MODELS_KEY);
    const { data } = await api(listModels, {}, { signal });
    const now = client.getQueryData<AdminModel[]>(MODELS_KEY);
    // Unless the stream wrote meanwhile this answer is the truth, also when a restarted server counts `rev` from 0.
    return now === undefined || now === before ? data : mergeByRev(now, data);
  },
  refetchInterval: liveInterval<AdminModel[]>((models) => models.some(isBusy)),
});

/** One model with the proofs that its replicas gave their memory back. */
export const modelQuery = (id: string) =>
  queryOptions({
    queryKey: ['model', id],
    meta: LIVE,
    queryFn: ({ signal }) => api(getModel, { params: { key: id } }, { signal }),
    refetchInterval: liveInterval<AdminModelDetail>(isBusy),
  });

function isBusy({ status }: AdminModel): boolean {
  return status === 'loading' || status === 'downloading';
}
