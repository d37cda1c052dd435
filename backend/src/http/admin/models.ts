import { adminModelList } from '../../contract/admin.ts';
import { errorResponses } from '../error-responses.ts';
import type { ModelDirectory } from '../openai/models.ts';
import type { Route } from '../route.ts';

export function adminModelsRoute(directory: Pick<ModelDirectory, 'list'>): Route {
  return {
    method: 'get',
    path: '/api/admin/models',
    operation: {
      operationId: 'adminListModels',
      summary: 'Every model with its files and replicas',
      tags: ['Admin'],
      security: [{ bearer: [] }],
      responses: {
        '200': { description: 'The models', content: { 'application/json': { schema: adminModelList } } },
        ...errorResponses(401, 403, 500, 503),
      },
    },
    handle: (_request, response) => {
      response.json({ object: 'list', data: directory.list() });
    },
  };
}
