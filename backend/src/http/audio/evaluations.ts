/** `POST /v1/evaluations`: error rates of results against a reference, with what differs. */
import { evaluation, evaluationRequest } from '../../contract/evaluations.ts';
import type { Evaluator } from '../../services/evaluation.ts';
import { errorResponses } from '../error-responses.ts';
import { readJson } from '../json-body.ts';
import { ownerOf } from '../owner.ts';
import { contextOf } from '../request-context.ts';
import type { Route } from '../route.ts';

export function evaluationRoute(evaluate: Evaluator): Route {
  return {
    method: 'post',
    path: '/v1/evaluations',
    operation: {
      operationId: 'evaluate',
      summary: 'WER and CER with the difference, DER, or SI-SDR',
      tags: ['Evaluation'],
      security: [{ bearer: [] }],
      requestBody: { content: { 'application/json': { schema: evaluationRequest } } },
      responses: {
        '200': { description: 'The scores', content: { 'application/json': { schema: evaluation } } },
        ...errorResponses(400, 401, 403, 404, 410, 413, 500, 503, 504),
      },
    },
    handle: async (request, response) => {
      const body = await readJson(request, response, evaluationRequest);
      response.json(await evaluate(ownerOf(response), body, contextOf(response).signal));
    },
  };
}
