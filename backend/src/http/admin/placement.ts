/** Where models live: loaded, unloaded, planned, and what is where. */
import { z } from 'zod';
import { type AdminModel, adminModel } from '../../contract/admin.ts';
import { type AuditChanges, changedFields } from '../../contract/audit-changes.ts';
import {
  type AdminStatus,
  adminStatus,
  type LoadRequest,
  loadRequest,
  type PlacementPlan,
  placementPlan,
  planRequest,
  unloadRequest,
} from '../../contract/placement.ts';
import { readJson } from '../json-body.ts';
import { principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { type AuditLog, audited } from './audited.ts';
import { adminOperation } from './operation.ts';

export interface PlacementOptions {
  placement: {
    describe(model: string): AdminModel | undefined;
    plan(model: string, order: Omit<LoadRequest, 'plan_rev'>): Promise<PlacementPlan>;
    load(model: string, order: LoadRequest): Promise<AdminModel>;
    unload(model: string, options: { force: boolean }): Promise<AdminModel>;
    reload(model: string): Promise<AdminModel>;
    restart(model: string, replica: string): Promise<AdminModel>;
  };
  status(): Promise<AdminStatus>;
  audit: AuditLog;
}

const MODEL = '/api/admin/models/{key}';
const keyPath = z.object({ key: z.string().meta({ description: 'Id or alias of a model, URL-encoded' }) });
const replicaPath = keyPath.extend({ replica: z.string() });

export function placementRoutes({ placement, status, audit }: PlacementOptions): Route[] {
  const noted = (actor: string, action: string, { id }: AdminModel, changes?: AuditChanges) =>
    audit.append({ actor, action, subject: id, result: 'success', changes });
  const wishOf = (model: AdminModel | undefined) => ({ placement: model?.placement });
  return [
    {
      method: 'get',
      path: '/api/admin/status',
      operation: adminOperation('adminStatus', 'GPUs, devices, models and what the gateway depends on', {
        answer: adminStatus,
      }),
      handle: async (_request, response) => {
        response.json(await status());
      },
    },
    {
      method: 'post',
      path: '/api/admin/placement/plan',
      operation: adminOperation('planPlacement', 'What loading a model so would do; nothing is done', {
        body: planRequest,
        answer: placementPlan,
        errors: [400, 404, 413],
      }),
      handle: async (request, response) => {
        const { model, ...order } = await readJson(request, response, planRequest);
        response.json(await placement.plan(model, order));
      },
    },
    {
      method: 'post',
      path: `${MODEL}/load`,
      operation: adminOperation('loadModel', 'Replicas on the devices named, and on no others; kept over restarts', {
        body: loadRequest,
        path: keyPath,
        status: 202,
        answer: adminModel,
        errors: [400, 404, 409, 413],
      }),
      handle: audited(audit, 'model.load', async (request, response) => {
        const order = await readJson(request, response, loadRequest);
        const before = wishOf(placement.describe(String(request.params.key)));
        const model = await placement.load(String(request.params.key), order);
        await noted(principalOf(response).id, 'model.load', model, changedFields(before, wishOf(model)));
        response.status(202).json(model);
      }),
    },
    {
      method: 'post',
      path: `${MODEL}/unload`,
      operation: adminOperation('unloadModel', 'Ends its replicas once their requests are done, or at once', {
        body: unloadRequest,
        path: keyPath,
        answer: adminModel,
        errors: [400, 404, 413],
      }),
      handle: audited(audit, 'model.unload', async (request, response) => {
        const options = await readJson(request, response, unloadRequest);
        const before = wishOf(placement.describe(String(request.params.key)));
        const model = await placement.unload(String(request.params.key), options);
        await noted(principalOf(response).id, 'model.unload', model, changedFields(before, wishOf(model)));
        response.json(model);
      }),
    },
    {
      method: 'post',
      path: `${MODEL}/reload`,
      operation: adminOperation('reloadModel', 'Starts its replicas anew, forgetting earlier failures', {
        path: keyPath,
        status: 202,
        answer: adminModel,
        errors: [404],
      }),
      handle: audited(audit, 'model.reload', async (request, response) => {
        const model = await placement.reload(String(request.params.key));
        await noted(principalOf(response).id, 'model.reload', model);
        response.status(202).json(model);
      }),
    },
    {
      method: 'post',
      path: `${MODEL}/replicas/{replica}/restart`,
      operation: adminOperation('restartReplica', 'Starts one replica anew', {
        path: replicaPath,
        status: 202,
        answer: adminModel,
        errors: [404],
      }),
      handle: audited(audit, 'replica.restart', async (request, response) => {
        const { key, replica } = request.params;
        const model = await placement.restart(String(key), String(replica));
        await noted(principalOf(response).id, 'replica.restart', model);
        response.status(202).json(model);
      }),
    },
  ];
}
