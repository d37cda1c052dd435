/** Jobs: those of all keys for operators, else the key's own. */
import type { JobGlance as JobNews } from '@contract/admin.ts';
import {
  adminJob,
  adminJobList,
  bulkJobsAnswer,
  bulkJobsRequest,
  fileTicket,
  type Job,
  job,
  jobList,
  jobTrace,
} from '@contract/jobs.ts';
import { type InfiniteData, infiniteQueryOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import { withJobNews } from '../lib/with-job-news.ts';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';
import { addLiveRules } from './live/live-rules.ts';
import { getStreamState } from './live/stream-state.ts';
import type { Role } from './session.ts';

/** `key`: whose it is, where operators look. */
export type ListedJob = Job & { key?: { id: string; name: string | null } };
export type JobAction = z.infer<typeof bulkJobsRequest>['action'];
interface JobPage {
  data: ListedJob[];
  has_more: boolean;
  last_id: string | null;
}
type JobPages = InfiniteData<JobPage, string | undefined>;

export interface JobFilters {
  q?: string | undefined;
  status?: string | undefined;
  task?: string | undefined;
  model?: string | undefined;
  key?: string | undefined;
}

const PAGE = 50;
/** Refetched page by page: of a list that was scrolled far, events alone keep the rows. */
const MAX_REFETCHED_PAGES = 4;
const QUEUE_MS = 5_000;

const ROUTES = {
  admin: {
    list: defineRoute({ method: 'GET', path: '/api/admin/jobs', answer: adminJobList }),
    one: defineRoute({ method: 'GET', path: '/api/admin/jobs/{id}', answer: adminJob }),
    trace: defineRoute({ method: 'GET', path: '/api/admin/jobs/{id}/trace', answer: jobTrace }),
    bulk: defineRoute({
      method: 'POST',
      path: '/api/admin/jobs/bulk',
      body: bulkJobsRequest,
      answer: bulkJobsAnswer,
    }),
  },
  user: {
    list: defineRoute({ method: 'GET', path: '/v1/jobs', answer: jobList }),
    one: defineRoute({ method: 'GET', path: '/v1/jobs/{id}', answer: job }),
    trace: defineRoute({ method: 'GET', path: '/v1/jobs/{id}/trace', answer: jobTrace }),
    bulk: defineRoute({ method: 'POST', path: '/v1/jobs/bulk', body: bulkJobsRequest, answer: bulkJobsAnswer }),
  },
} as const;
const artifactTicket = defineRoute({
  method: 'POST',
  path: '/v1/jobs/{id}/artifacts/{name}/ticket',
  answer: fileTicket,
});
const inputTicket = defineRoute({ method: 'POST', path: '/v1/jobs/{id}/input/ticket', answer: fileTicket });

export function jobsQuery(role: Role, filters: JobFilters) {
  return infiniteQueryOptions({
    queryKey: ['jobs', role, filters],
    meta: LIVE,
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }): Promise<JobPage> =>
      api(ROUTES[role].list, { query: { ...filters, limit: PAGE, after: pageParam } }, { signal }),
    getNextPageParam: ({ has_more, last_id }: JobPage) => (has_more ? (last_id ?? undefined) : undefined),
    refetchInterval: (query) => {
      const pages = query.state.data?.pages ?? [];
      if (pages.length > MAX_REFETCHED_PAGES) return false;
      const jobs = pages.flatMap(({ data }) => data);
      // Places in the queue follow from other jobs: no event tells of them.
      if (getStreamState() === 'open' && jobs.some(({ status }) => status === 'queued')) return QUEUE_MS;
      return liveInterval<JobPages>(() => jobs.some(({ status }) => status === 'running'))(query);
    },
  });
}

export function jobQuery(role: Role, id: string) {
  return queryOptions({
    queryKey: ['job', role, id],
    meta: LIVE,
    queryFn: async ({ signal }): Promise<ListedJob> => api(ROUTES[role].one, { params: { id } }, { signal }),
    refetchInterval: (query) => (isOver(query.state.data) ? false : getStreamState() === 'open' ? QUEUE_MS : 1_000),
  });
}

/** Another trace for each state, stage and attempt that the job comes to. */
export function jobTraceQuery(role: Role, { id, status, attempts, progress }: Job) {
  return queryOptions({
    queryKey: ['job-trace', role, id, status, attempts, progress.stage],
    queryFn: ({ signal }) => api(ROUTES[role].trace, { params: { id } }, { signal }),
    placeholderData: (before) => before,
  });
}

/** @returns an error for each that it could not be done to. */
export async function actOnJobs(role: Role, action: JobAction, ids: readonly string[]) {
  const results = [];
  for (let start = 0; start < ids.length; start += 100) {
    const { data } = await api(ROUTES[role].bulk, { body: { action, ids: ids.slice(start, start + 100) } });
    results.push(...data);
  }
  return results.flatMap(({ id, error }) => (error === null ? [] : [{ id, ...error }]));
}

/** A path that downloads the file without a key, once, within the minute. @param artifact left out: what was sent */
export async function fileAddress(id: string, artifact?: string): Promise<string> {
  const ticket =
    artifact === undefined
      ? await api(inputTicket, { params: { id } })
      : await api(artifactTicket, { params: { id, name: artifact } });
  return ticket.url;
}

export function isOver(job: Pick<Job, 'status'> | undefined): boolean {
  return job !== undefined && job.status !== 'queued' && job.status !== 'running';
}

export function refreshJobs(client: QueryClient): Promise<unknown> {
  return Promise.all([
    client.invalidateQueries({ queryKey: ['jobs'] }),
    client.invalidateQueries({ queryKey: ['job'] }),
  ]);
}

const REFRESH_MS = 1_000;
let isRefreshing = false;

function take({ job: news }: { job: JobNews }, client: QueryClient): void {
  let isKnown = false;
  client.setQueriesData<JobPages>({ queryKey: ['jobs'] }, (list) => {
    if (list === undefined || !list.pages.some(({ data }) => data.some(({ id }) => id === news.id))) return list;
    isKnown = true;
    return {
      ...list,
      pages: list.pages.map((page) => ({
        ...page,
        data: page.data.map((each) => (each.id === news.id ? withJobNews(each, news) : each)),
      })),
    };
  });
  client.setQueriesData<ListedJob>({ queryKey: ['job'] }, (each) =>
    each?.id === news.id ? withJobNews(each, news) : each,
  );
  // A new one may belong into a list, one that ended has artifacts: both are the server's to say.
  if (!isKnown || isOver(news)) {
    if (isRefreshing) return;
    isRefreshing = true;
    setTimeout(() => {
      isRefreshing = false;
      void refreshJobs(client);
    }, REFRESH_MS);
  }
}

addLiveRules({
  'job.state': take,
  'job.stage': take,
  'job.progress': take,
  'job.deleted': ({ id }, client) => {
    client.setQueriesData<JobPages>(
      { queryKey: ['jobs'] },
      (list) =>
        list && {
          ...list,
          pages: list.pages.map((page) => ({ ...page, data: page.data.filter((each) => each.id !== id) })),
        },
    );
    void client.invalidateQueries({ queryKey: ['job'], predicate: ({ queryKey }) => queryKey[2] === id });
  },
});
