/** What operators do with models, and what a load would do before it is ordered. */
import { adminModel } from '@contract/admin.ts';
import {
  cancelDownloadRequest,
  deletedArtifacts,
  deletedModel,
  modelPreflight,
  preflightRequest,
  registerModelRequest,
} from '@contract/model-admin.ts';
import { adminStatus, loadRequest, placementPlan, planRequest, unloadRequest } from '@contract/placement.ts';
import { queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';

const COLLECTION = '/api/admin/models';
const MODEL = '/api/admin/models/{key}';
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
const confirmLicense = defineRoute({ method: 'POST', path: `${MODEL}/confirm-license`, answer: adminModel });
const download = defineRoute({ method: 'POST', path: `${MODEL}/download`, answer: adminModel });
const pause = defineRoute({ method: 'POST', path: `${MODEL}/pause-download`, answer: adminModel });
const cancel = defineRoute({
  method: 'POST',
  path: `${MODEL}/cancel-download`,
  body: cancelDownloadRequest,
  answer: adminModel,
});
const deleteArtifacts = defineRoute({ method: 'DELETE', path: `${MODEL}/artifacts`, answer: deletedArtifacts });
const unregister = defineRoute({ method: 'DELETE', path: MODEL, answer: deletedModel });
const load = defineRoute({ method: 'POST', path: `${MODEL}/load`, body: loadRequest, answer: adminModel });
const unload = defineRoute({ method: 'POST', path: `${MODEL}/unload`, body: unloadRequest, answer: adminModel });
const reload = defineRoute({ method: 'POST', path: `${MODEL}/reload`, answer: adminModel });
const restart = defineRoute({ method: 'POST', path: `${MODEL}/replicas/{replica}/restart`, answer: adminModel });

/** What a load is ordered with, as the form has it. */
export type LoadOrder = z.input<typeof loadRequest>;

/** A hub may take its time, and so may the end of a worker that drains. */
const SLOW_MS = 600_000;

/** Devices with what is used of them: the CPU too, which no GPU list names. */
export const statusQuery = queryOptions({
  queryKey: ['status'],
  meta: LIVE,
  queryFn: ({ signal }) => api(getStatus, {}, { signal }),
  refetchInterval: liveInterval(),
});

/** What a load would do now; where a replica or a wish of any model moves, it is out of date. */
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

/** Each answers with the model as it then is: `noteModel` puts it into the cache. */
export const modelActions = {
  confirmLicense: (key: string) => api(confirmLicense, { params: { key } }),
  download: (key: string) => api(download, { params: { key } }),
  pause: (key: string) => api(pause, { params: { key } }),
  cancel: (key: string, discard: boolean) => api(cancel, { params: { key }, body: { discard } }),
  load: (key: string, order: LoadOrder) => api(load, { params: { key }, body: order }),
  unload: (key: string, force: boolean) => api(unload, { params: { key }, body: { force } }, { timeoutMs: SLOW_MS }),
  reload: (key: string) => api(reload, { params: { key } }),
  restart: (key: string, replica: string) => api(restart, { params: { key, replica } }),
};

/** Takes a model that an operator added out of the catalogue; its files stay. */
export const unregisterModel = (key: string) => api(unregister, { params: { key } });

export const deleteModelFiles = (key: string) => api(deleteArtifacts, { params: { key } });
