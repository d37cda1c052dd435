/** `/api/admin/jobs`: the jobs of all keys, as operators see them: what they are and how they go, not what was said. */
import { z } from 'zod';
import {
  type AdminJob,
  adminJob,
  adminJobList,
  adminJobListQuery,
  bulkJobsAnswer,
  bulkJobsRequest,
  jobTrace,
} from '../../contract/jobs.ts';
import { ANY_OWNER, type JobRow, type JobService } from '../../jobs/job-service.ts';
import { actOnAll, listJobs } from '../jobs/job-list.ts';
import { idOf, jobPath } from '../jobs/jobs.ts';
import { readJson } from '../json-body.ts';
import { parseQuery } from '../query.ts';
import { principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { type AuditLog, audited } from './audited.ts';
import { adminOperation } from './operation.ts';

export interface AdminJobsOptions {
  jobs: JobService;
  /** Of the keys that have a record. */
  keyNames(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  audit: AuditLog;
}

type Action = z.infer<typeof bulkJobsRequest>['action'];

const path = '/api/admin/jobs';
const deleted = z.object({ id: z.string(), object: z.literal('job'), deleted: z.literal(true) });

export function adminJobRoutes({ jobs, keyNames, audit }: AdminJobsOptions): Route[] {
  const describe = async (rows: readonly JobRow[]): Promise<AdminJob[]> => {
    const [described, names] = await Promise.all([
      jobs.describe(rows),
      keyNames([...new Set(rows.map(({ owner }) => owner))]),
    ]);
    return described.map((job, index) => {
      const id = rows[index]?.owner ?? '';
      return { ...job, key: { id, name: names.get(id) ?? null } };
    });
  };
  const one = async (id: string) => (await describe([await jobs.get(ANY_OWNER, id)]))[0];
  const act = async (actor: string, id: string, action: Action) => {
    await jobs[action](ANY_OWNER, id);
    await audit.append({ actor, action: `job.${action}`, subject: id, result: 'success' });
  };
  const acting = (action: Exclude<Action, 'delete'>, summary: string): Route => ({
    method: 'post',
    path: `${path}/{id}/${action}`,
    operation: adminOperation(`${action}AnyJob`, summary, {
      path: jobPath,
      answer: adminJob,
      errors: [404, 409, 410, 429],
    }),
    handle: audited(audit, `job.${action}`, async (request, response) => {
      const id = idOf(request.params);
      await act(principalOf(response).id, id, action);
      response.json(await one(id));
    }),
  });
  return [
    {
      method: 'get',
      path,
      operation: {
        ...adminOperation('listAllJobs', 'Jobs of all keys, page by page', {
          answer: adminJobList,
          errors: [400, 404],
        }),
        requestParams: { query: adminJobListQuery },
      },
      handle: async (request, response) => {
        const query = parseQuery(adminJobListQuery, request.query);
        response.json(await listJobs(jobs, { viewer: ANY_OWNER, query, describe }));
      },
    },
    {
      method: 'post',
      path: `${path}/bulk`,
      operation: adminOperation('actOnAnyJobs', 'Cancels, retries or deletes several jobs', {
        body: bulkJobsRequest,
        answer: bulkJobsAnswer,
        errors: [400, 413],
      }),
      handle: async (request, response) => {
        const body = await readJson(request, response, bulkJobsRequest);
        const { id: actor } = principalOf(response);
        response.json(await actOnAll(body, (id, action) => act(actor, id, action)));
      },
    },
    {
      method: 'get',
      path: `${path}/{id}`,
      operation: adminOperation('retrieveAnyJob', "Anybody's job", { path: jobPath, answer: adminJob, errors: [404] }),
      handle: async (request, response) => {
        response.json(await one(idOf(request.params)));
      },
    },
    {
      method: 'get',
      path: `${path}/{id}/trace`,
      operation: adminOperation('traceAnyJob', 'What was asked, the attempts, and the stages', {
        path: jobPath,
        answer: jobTrace,
        errors: [404],
      }),
      handle: async (request, response) => {
        response.json(await jobs.trace(await jobs.get(ANY_OWNER, idOf(request.params))));
      },
    },
    acting('cancel', 'Ends the job; one that is over stays as it is'),
    acting('retry', 'Has a job that failed or was cancelled done after all'),
    {
      method: 'delete',
      path: `${path}/{id}`,
      operation: adminOperation('deleteAnyJob', 'Cancels the job if need be, and deletes all of it', {
        path: jobPath,
        answer: deleted,
        errors: [404],
      }),
      handle: audited(audit, 'job.delete', async (request, response) => {
        const id = idOf(request.params);
        await act(principalOf(response).id, id, 'delete');
        response.json({ id, object: 'job', deleted: true });
      }),
    },
  ];
}
