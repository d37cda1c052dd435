/** Models as operators see them. */
import { type AdminModel, adminModelList } from '@contract/admin.ts';
import { queryOptions } from '@tanstack/react-query';
import { mergeByRev, upsertByRev } from '../lib/merge-by-rev.ts';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';
import type { LiveRules } from './live/live-rules.ts';

const listModels = defineRoute({ method: 'GET', path: '/api/admin/models', answer: adminModelList });

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
  refetchInterval: liveInterval<AdminModel[]>((models) =>
    models.some(({ status }) => status === 'loading' || status === 'downloading'),
  ),
});

export const modelRules: LiveRules = {
  snapshot: ({ models }, client) => {
    client.setQueryData(modelsQuery.queryKey, models);
  },
  'model.state': ({ model }, client) => {
    client.setQueryData(modelsQuery.queryKey, (models) => models && upsertByRev(models, model));
  },
};
