/** GPUs as the driver tells of them now. */
import { gpuList } from '@contract/gpus.ts';
import { queryOptions } from '@tanstack/react-query';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';
import type { LiveRules } from './live/live-rules.ts';
import { gpuSamples } from './live/rings.ts';

const listGpus = defineRoute({ method: 'GET', path: '/api/admin/gpus', answer: gpuList });

export const gpusQuery = queryOptions({
  queryKey: ['gpus'],
  meta: LIVE,
  queryFn: ({ signal }) => api(listGpus, {}, { signal }),
  refetchInterval: liveInterval(),
});

export const gpuRules: LiveRules = {
  'gpu.sample': ({ gpus }, client) => {
    // A new stream begins with the sample that the last one ended with.
    if (gpuSamples.at(gpuSamples.length - 1)?.rev !== gpus.rev) gpuSamples.push(gpus);
    client.setQueryData(gpusQuery.queryKey, gpus);
  },
};
