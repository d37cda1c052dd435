/** Models as operators see them, and what operators do with them. */
import {
  type AdminModel,
  type AdminModelDetail,
  adminModel,
  adminModelDetail,
  adminModelList,
} from '@contract/admin.ts';
import {
  cancelDownloadRequest,
  deletedArtifacts,
  modelPreflight,
  preflightRequest,
  registerModelRequest,
} from '@contract/model-admin.ts';
import { adminStatus, loadRequest, placementPlan, planRequest, unloadRequest } from '@contract/placement.ts';
import { type QueryClient, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import { mergeByRev, upsertByRev } from '../lib/merge-by-rev.ts';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';
import type { LiveRules } from './live/live-rules.ts';
import { withProgress, withProof, withReplica } from './model-events.ts';

const COLLECTION = '/api/admin/models';
const MODEL = '/api/admin/models/{key}';
const listModels = defineRoute({ method: 'GET', path: COLLECTION, answer: adminModelList });
const getModel = defineRoute({ method: 'GET', path: MODEL, answer: adminModelDetail });
const getStatus = defineRoute({ method: 'GET', path: '/api/admin/status', answer: adminStatus });
const planPlacement = defineRoute({
  method: 'POST',
  path: '/api/admin/placement/plan',
  body: planRequest,
  answer: placementPlan,
});
const preflight = defineRoute({
  method: 'POST',
  path: `${COLLECTION}/preflight`,
  body: preflightRequest,
  answer: modelPreflight,
});
const register = defineRoute({ method: 'POST', path: COLLECTION, body: registerModelRequest, answer: adminModel });
const download = defineRoute({ method: 'POST', path: `${MODEL}/download`, answer: adminModel });
const pause = defineRoute({ method: 'POST', path: `${MODEL}/pause-download`, answer: adminModel });
const cancel = defineRoute({
  method: 'POST',
  path: `${MODEL}/cancel-download`,
  body: cancelDownloadRequest,
  answer: adminModel,
});
const deleteArtifacts = defineRoute({ method: 'DELETE', path: `${MODEL}/artifacts`, answer: deletedArtifacts });
const load = defineRoute({ method: 'POST', path: `${MODEL}/load`, body: loadRequest, answer: adminModel });
const unload = defineRoute({ method: 'POST', path: `${MODEL}/unload`, body: unloadRequest, answer: adminModel });
const reload = defineRoute({ method: 'POST', path: `${MODEL}/reload`, answer: adminModel });
const restart = defineRoute({
  method: 'POST',
  path: `${MODEL}/replicas/{replica}/restart`,
  answer: adminModel,
});

/** What a load is ordered with, as the form has it. */
export type LoadOrder = z.input<typeof loadRequest>;

const MODELS_KEY = ['models'];
/** A hub may take its time, and so may the end of a worker that drains. */
const SLOW_MS = 600_000;

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

/** Devices with what is used of them: the CPU too, which no GPU list names. */
export const statusQuery = queryOptions({
  queryKey: ['status'],
  meta: LIVE,
  queryFn: ({ signal }) => api(getStatus, {}, { signal }),
  refetchInterval: liveInterval(),
});

/** What a load would do now; any change of any model makes it out of date. */
export const planQuery = (model: string, order: LoadOrder) =>
  queryOptions({
    queryKey: ['plan', model, order],
    meta: LIVE,
    queryFn: ({ signal }) => api(planPlacement, { body: { ...order, model } }, { signal }),
    enabled: order.gpu_device_ids.length > 0,
    placeholderData: (previous) => previous,
    staleTime: 0,
    gcTime: 0,
  });

export const preflightModel = (request: z.input<typeof preflightRequest>) =>
  api(preflight, { body: request }, { timeoutMs: SLOW_MS });

export const registerModel = (request: z.input<typeof registerModelRequest>) =>
  api(register, { body: request }, { timeoutMs: SLOW_MS });

/** Each answers with the model as it then is, which goes into the cache. */
export const modelActions = {
  download: (key: string) => api(download, { params: { key } }),
  pause: (key: string) => api(pause, { params: { key } }),
  cancel: (key: string, discard: boolean) => api(cancel, { params: { key }, body: { discard } }),
  load: (key: string, order: LoadOrder) => api(load, { params: { key }, body: order }),
  unload: (key: string, force: boolean) => api(unload, { params: { key }, body: { force } }, { timeoutMs: SLOW_MS }),
  reload: (key: string) => api(reload, { params: { key } }),
  restart: (key: string, replica: string) => api(restart, { params: { key, replica } }),
};

export const deleteModelFiles = (key: string) => api(deleteArtifacts, { params: { key } });

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
  { model: id, rev, replica }: { model: string; rev: number; replica: AdminModel['replicas'][number] },
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

function forgetPlans(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: ['plan'] });
  void client.invalidateQueries({ queryKey: ['status'] });
}

function isBusy({ status }: AdminModel): boolean {
  return status === 'loading' || status === 'downloading';
}
