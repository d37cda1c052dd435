/** The gateway's own description of its API. */
import { queryOptions } from '@tanstack/react-query';
import { openApiDocument } from '../lib/openapi-document.ts';
import { api, defineRoute } from './api.ts';

const getOpenApi = defineRoute({ method: 'GET', path: '/openapi.json', answer: openApiDocument });

export const openApiQuery = queryOptions({
  queryKey: ['openapi'],
  queryFn: ({ signal }) => api(getOpenApi, {}, { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});
