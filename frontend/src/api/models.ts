/** Models as operators see them. */
import { type AdminModel, type AdminModelDetail, adminModelDetail, adminModelList } from '@contract/admin.ts';
import { type QueryClient, queryOptions } from '@tanstack/react-query';
import { mergeByRev, upsertByRev } from '../lib/merge-by-rev.ts';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';
import type { LiveEventOf, LiveRules } from './live/live-rules.ts';
import { withProgress, withProof, withReplica } from './model-events.ts';

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

/** A model that changed, over what the cache has of it. */
export function noteModel(client: QueryClient, model: AdminModel): void {
  client.setQueryData(modelsQuery.queryKey, (models) => models && upsertByRev(models, model));
  client.setQueryData(modelQuery(model.id).queryKey, (detail) =>
    detail === undefined || detail.rev > model.rev ? detail : { ...detail, ...model },
  );
}

export const modelRules: LiveRules = {
  snapshot: ({ models }, client) => {
    client.setQueryData(modelsQuery.queryKey, models);
  },
  'model.state': ({ model }, client) => {
    noteModel(client, model);
    forgetPlans(client);
  },
  'download.progress': ({ model: id, rev, files }, client) => {
    patch(client, id, (model) => withProgress(model, rev, files));
  },
  'replica.appeared': noteReplica,
  'replica.starting': noteReplica,
  'replica.loaded': noteReplica,
  'replica.load_failed': noteReplica,
  'replica.crashed': noteReplica,
  'replica.unloaded': noteReplica,
  'replica.changed': noteReplica,
  'replica.released': ({ model: id, proof }, client) => {
    client.setQueryData(modelQuery(id).queryKey, (detail) => detail && withProof(detail, proof));
  },
};

function noteReplica(
  { model: id, rev, replica }: LiveEventOf<'replica.appeared' | 'replica.changed'>,
  client: QueryClient,
): void {
  patch(client, id, (model) => withReplica(model, rev, replica));
  forgetPlans(client);
}

function patch(client: QueryClient, id: string, change: <Model extends AdminModel>(model: Model) => Model): void {
  client.setQueryData(modelsQuery.queryKey, (models) =>
    models?.map((model) => (model.id === id ? change(model) : model)),
  );
  client.setQueryData(modelQuery(id).queryKey, (detail) => detail && change(detail));
}

/** What a load would do depends on every model. */
function forgetPlans(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: ['plan'] });
  void client.invalidateQueries({ queryKey: ['status'] });
}

function isBusy({ status }: AdminModel): boolean {
  return status === 'loading' || status === 'downloading';
}
