/** What the first page shows: one answer every few seconds, and the jobs that run. */
import { adminJobList } from '@contract/jobs.ts';
import { overview } from '@contract/overview.ts';
import { queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';
import { addLiveRules } from './live/live-rules.ts';

const getOverview = defineRoute({ method: 'GET', path: '/api/admin/overview', answer: overview });
const listJobs = defineRoute({ method: 'GET', path: '/api/admin/jobs', answer: adminJobList });
/** No event tells of requests; the answer costs the server next to nothing. */
const REFRESH_MS = 5_000;
const SHOWN_JOBS = 10;

export const overviewQuery = queryOptions({
  queryKey: ['overview'],
  meta: LIVE,
  queryFn: ({ signal }) => api(getOverview, {}, { signal }),
  refetchInterval: REFRESH_MS,
});

export type RunningJob = z.infer<typeof adminJobList>['data'][number];

export const runningJobsQuery = queryOptions({
  queryKey: ['running-jobs'],
  meta: LIVE,
  queryFn: async ({ signal }) =>
    (await api(listJobs, { query: { status: 'running', limit: SHOWN_JOBS } }, { signal })).data,
  refetchInterval: liveInterval(),
});

addLiveRules({
  'job.state': (_event, client) => {
    void client.invalidateQueries({ queryKey: runningJobsQuery.queryKey });
  },
  'job.progress': ({ job }, client) => {
    client.setQueryData(runningJobsQuery.queryKey, (jobs) =>
      jobs?.map((known) => (known.id === job.id && known.rev <= job.rev ? { ...known, ...job } : known)),
    );
  },
});
