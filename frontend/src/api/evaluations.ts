/** How close results come to a reference. */
import { evaluation, evaluationRequest } from '@contract/evaluations.ts';
import { queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import { api, defineRoute } from './api.ts';

const postEvaluation = defineRoute({
  method: 'POST',
  path: '/v1/evaluations',
  body: evaluationRequest,
  answer: evaluation,
});

export type EvaluationRequest = z.input<typeof evaluationRequest>;

/** The same question always has the same answer: it is asked once. */
export const evaluationQuery = (request: EvaluationRequest) =>
  queryOptions({
    queryKey: ['evaluation', request],
    queryFn: ({ signal }) => api(postEvaluation, { body: request }, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
