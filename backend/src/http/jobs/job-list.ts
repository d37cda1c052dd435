/** A page of jobs, and one action on several: the same for callers and for admins. */
import type { z } from 'zod';
import type { adminJobListQuery, bulkJobsRequest, jobListQuery } from '../../contract/jobs.ts';
import { GatewayError, toGatewayError } from '../../errors.ts';
import type { JobRow, JobService, Viewer } from '../../jobs/job-service.ts';

const DEFAULT_PAGE = 20;

type ListQuery = z.infer<typeof jobListQuery> & Pick<z.infer<typeof adminJobListQuery>, 'key'>;

/** @throws job_not_found for `after` */
export async function listJobs<J extends { id: string }>(
  jobs: Pick<JobService, 'list'>,
  { viewer, query, describe }: { viewer: Viewer; query: ListQuery; describe(rows: JobRow[]): Promise<J[]> },
) {
  const { jobs: rows, hasMore } = await jobs.list(viewer, {
    limit: query.limit ?? DEFAULT_PAGE,
    order: query.order ?? 'desc',
    after: query.after,
    status: query.status,
    task: query.task,
    model: query.model,
    createdAfter: query.created_after,
    createdBefore: query.created_before,
    text: query.q,
    key: query.key,
  });
  const data = await describe(rows);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

/** One after the other: what cannot be done to one job says so, and holds up no other. */
export async function actOnAll(
  { ids, action }: z.infer<typeof bulkJobsRequest>,
  act: (id: string, action: z.infer<typeof bulkJobsRequest>['action']) => Promise<void>,
) {
  const data = [];
  for (const id of new Set(ids)) {
    const error = await act(id, action).then(
      () => null,
      (thrown: unknown) => {
        // What is no fault of the job's ends all of it.
        if (!(thrown instanceof GatewayError) || thrown.status >= 500) throw thrown;
        const { code, message, param } = toGatewayError(thrown);
        return { code, message, param: param ?? null };
      },
    );
    data.push({ id, error });
  }
  return { object: 'list', data };
}
