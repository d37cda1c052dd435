/** `/api/admin/models…`: a model's files downloaded and deleted, whatever AUTO_DOWNLOAD_MODELS says; models of one's own. */
import type { Request, Response } from 'express';
import { adminModel, adminModelDetail } from '../../contract/admin.ts';
import {
  cancelDownloadRequest,
  deletedArtifacts,
  deletedModel,
  type ModelPreflight,
  modelKeyPath,
  modelPreflight,
  type PreflightRequest,
  preflightRequest,
  registerModelRequest,
} from '../../contract/model-admin.ts';
import type { ModelAdmin } from '../../services/model-admin.ts';
import { readJson } from '../json-body.ts';
import { contextOf, principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { type AuditLog, audited } from './audited.ts';
import { adminOperation } from './operation.ts';

const collection = '/api/admin/models';
const path = `${collection}/{key}`;

export interface ModelAdminRoutes {
  models: ModelAdmin;
  preflight(request: PreflightRequest, signal: AbortSignal): Promise<ModelPreflight>;
  audit: AuditLog;
}

export function modelAdminRoutes({ models, preflight, audit }: ModelAdminRoutes): Route[] {
  const noted = (action: string, handle: Route['handle']) =>
    audited(audit, action, handle, (request) => models.idOf(keyOf(request)));
  const note = (response: Response, action: string, subject: string, size?: number) =>
    audit.append({ actor: principalOf(response).id, action, subject, size, result: 'success' });
  return [
    {
      method: 'get',
      path,
      operation: adminOperation(
        'adminRetrieveModel',
        'One model, with the proofs that its replicas gave their memory back',
        {
          path: modelKeyPath,
          answer: adminModelDetail,
          errors: [404],
        },
      ),
      handle: (request, response) => {
        response.json(models.detail(keyOf(request)));
      },
    },
    {
      method: 'post',
      path: `${path}/download`,
      operation: adminOperation(
        'downloadModel',
        'Downloads the files of a model, unless they are here or on their way',
        {
          path: modelKeyPath,
          status: 202,
          answer: adminModel,
          errors: [404],
        },
      ),
      handle: noted('model.download', async (request, response) => {
        const model = await models.download(keyOf(request));
        await note(response, 'model.download', model.id);
        response.status(202).json(model);
      }),
    },
    {
      method: 'post',
      path: `${path}/pause-download`,
      operation: adminOperation('pauseModelDownload', 'Stops a download; the next one goes on from there', {
        path: modelKeyPath,
        answer: adminModel,
        errors: [404],
      }),
      handle: noted('model.pause_download', async (request, response) => {
        const model = await models.pauseDownload(keyOf(request));
        await note(response, 'model.pause_download', model.id);
        response.json(model);
      }),
    },
    {
      method: 'post',
      path: `${path}/cancel-download`,
      operation: adminOperation(
        'cancelModelDownload',
        'Stops a download; what was fetched stays unless it is discarded',
        {
          path: modelKeyPath,
          body: cancelDownloadRequest,
          answer: adminModel,
          errors: [400, 404, 409, 413],
        },
      ),
      handle: noted('model.cancel_download', async (request, response) => {
        const options = await readJson(request, response, cancelDownloadRequest);
        const model = await models.cancelDownload(keyOf(request), options);
        await note(response, 'model.cancel_download', model.id);
        response.json(model);
      }),
    },
    {
      method: 'delete',
      path: `${path}/artifacts`,
      operation: adminOperation('deleteModelArtifacts', 'Deletes the files of a model that no other model needs', {
        path: modelKeyPath,
        answer: deletedArtifacts,
        errors: [404, 409],
      }),
      handle: noted('model.delete_artifacts', async (request, response) => {
        const { id, bytes } = await models.deleteFiles(keyOf(request));
        await note(response, 'model.delete_artifacts', id, bytes);
        response.json({ id, object: 'model.artifacts', deleted_bytes: bytes });
      }),
    },
    {
      method: 'post',
      path: `${collection}/preflight`,
      operation: adminOperation('preflightModel', 'What adding a repository of the hub would fetch; nothing is done', {
        body: preflightRequest,
        answer: modelPreflight,
        errors: [400, 413, 502],
      }),
      handle: async (request, response) => {
        const body = await readJson(request, response, preflightRequest);
        response.json(await preflight(body, contextOf(response).signal));
      },
    },
    {
      method: 'post',
      path: collection,
      operation: adminOperation('registerModel', 'Adds a repository of the hub to a family', {
        body: registerModelRequest,
        status: 201,
        answer: adminModel,
        errors: [400, 409, 413, 502],
      }),
      handle: audited(audit, 'model.register', async (request, response) => {
        const body = await readJson(request, response, registerModelRequest);
        const { signal } = contextOf(response);
        response.status(201).json(await models.register(principalOf(response).id, body, signal));
      }),
    },
    {
      method: 'delete',
      path,
      operation: adminOperation('unregisterModel', 'Removes a registered model; its files stay', {
        path: modelKeyPath,
        answer: deletedModel,
        errors: [404, 409],
      }),
      handle: noted('model.unregister', async (request, response) => {
        const id = await models.unregister(principalOf(response).id, keyOf(request));
        response.json({ id, object: 'model', deleted: true });
      }),
    },
  ];
}

/** Decoded: ids may have slashes. */
function keyOf({ params: { key } }: Request): string {
  return typeof key === 'string' ? key : '';
}
