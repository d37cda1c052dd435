/** GPUs as the driver tells of them: now, and over the last hour. */
import { gpuList, gpuSeries } from '@contract/gpus.ts';
import { queryOptions } from '@tanstack/react-query';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';
import { addLiveRules } from './live/live-rules.ts';
import { gpuSamples } from './live/rings.ts';

const listGpus = defineRoute({ method: 'GET', path: '/api/admin/gpus', answer: gpuList });

export const gpusQuery = queryOptions({
  queryKey: ['gpus'],
  meta: LIVE,
  queryFn: ({ signal }) => api(listGpus, {}, { signal }),
  refetchInterval: liveInterval(),
});

const getSeries = defineRoute({ method: 'GET', path: '/api/admin/gpus/history', answer: gpuSeries });
/** As long as a span: nothing new is to be had before. */
const SERIES_STEP_SECONDS = 10;

/** The last hour of all GPUs in 360 spans. */
export const gpuSeriesQuery = queryOptions({
  queryKey: ['gpu-series', 3_600, SERIES_STEP_SECONDS],
  meta: LIVE,
  queryFn: ({ signal }) =>
    api(getSeries, { query: { window_seconds: 3_600, step_seconds: SERIES_STEP_SECONDS } }, { signal }),
  refetchInterval: SERIES_STEP_SECONDS * 1_000,
  // Every answer is another hour: comparing its hundred thousand figures with the last one's finds nothing to keep.
  structuralSharing: false,
});

addLiveRules({
  'gpu.sample': ({ gpus }, client) => {
    // A new stream begins with the sample that the last one ended with.
    if (gpuSamples.at(gpuSamples.length - 1)?.rev !== gpus.rev) gpuSamples.push(gpus);
    client.setQueryData(gpusQuery.queryKey, gpus);
  },
});
