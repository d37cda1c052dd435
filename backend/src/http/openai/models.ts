/** `GET /v1/models` and `GET /v1/models/{id}`; ids may contain `/`, percent-encoded or raw. */
import type { AdminModel } from '../../contract/admin.ts';
import { type Model, model, modelList, modelPath } from '../../contract/models.ts';
import { GatewayError } from '../../errors.ts';
import { errorResponses } from '../error-responses.ts';
import { principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { mayUseModel, requireModel } from '../scopes.ts';

export interface ModelDirectory {
  list(): AdminModel[];
  /** By id or alias. */
  describe(name: string): AdminModel | undefined;
}

export function modelRoutes(directory: ModelDirectory): Route[] {
  return [
    {
      method: 'get',
      path: '/v1/models',
      operation: {
        operationId: 'listModels',
        summary: 'Every model that the key may call, whether its files are here or not',
        tags: ['Models'],
        security: [{ bearer: [] }],
        responses: {
          '200': { description: 'The models', content: { 'application/json': { schema: modelList } } },
          ...errorResponses(401, 403, 429, 500, 503),
        },
      },
      handle: (_request, response) => {
        const principal = principalOf(response);
        const allowed = directory.list().filter(({ id }) => mayUseModel(principal, id));
        response.json({ object: 'list', data: allowed.map((item) => toModel(item, item.id)) });
      },
    },
    {
      method: 'get',
      path: '/v1/models/{model}',
      pattern: '/v1/models/*model',
      operation: {
        operationId: 'retrieveModel',
        summary: 'One model, by id or alias',
        tags: ['Models'],
        security: [{ bearer: [] }],
        requestParams: { path: modelPath },
        responses: {
          '200': { description: 'The model', content: { 'application/json': { schema: model } } },
          ...errorResponses(400, 401, 403, 404, 429, 500, 503),
        },
      },
      handle: (request, response) => {
        // A wildcard parameter is the list of its path segments, already decoded.
        const name = [request.params.model].flat().join('/');
        const found = directory.describe(name);
        if (found === undefined) {
          throw new GatewayError('model_not_found', { message: `The model '${name}' does not exist.`, param: 'model' });
        }
        requireModel(principalOf(response), found.id);
        response.json(toModel(found, name));
      },
    },
  ];
}

function toModel(item: AdminModel, id: string): Model {
  return {
    id,
    object: 'model',
    created: item.published === null ? 0 : Date.parse(item.published) / 1000,
    owned_by: item.repo.split('/')[0] ?? item.repo,
    status: item.status,
    task: item.task,
    load_seconds: item.load_seconds,
    download_bytes: item.download_bytes,
    languages: item.languages,
    bundled: item.bundled,
  };
}
