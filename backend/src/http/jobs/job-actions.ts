/** What a page needs of a job beside the job: another try, what became of it when, and what is there of it so far. */
import type { Response } from 'express';
import { z } from 'zod';
import { bulkJobsAnswer, bulkJobsRequest, type JobPartial, job, jobPartial, jobTrace } from '../../contract/jobs.ts';
import { type TranscriptionResult, transcriptWindow } from '../../contract/transcription.ts';
import { publicJobId } from '../../jobs/job-id.ts';
import type { JobRow, JobService } from '../../jobs/job-service.ts';
import type { AudioJobs } from '../../services/audio-jobs.ts';
import type { TranscriptionRequest } from '../../services/transcription-job.ts';
import { errorResponses } from '../error-responses.ts';
import { readJson } from '../json-body.ts';
import { ownerOf } from '../owner.ts';
import { principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { requireModel, requireTask } from '../scopes.ts';
import { actOnAll } from './job-list.ts';
import { idOf, jobPath } from './jobs.ts';

export interface JobActionsOptions {
  jobs: JobService;
  transcriptionJobs: Pick<AudioJobs<TranscriptionRequest, TranscriptionResult>, 'result'>;
}

const shared = { tags: ['Jobs'], security: [{ bearer: [] }] };

export function jobActionRoutes({ jobs, transcriptionJobs }: JobActionsOptions): Route[] {
  /** Under the scopes that the key has now. */
  const retry = async (response: Response, id: string): Promise<JobRow> => {
    const owner = ownerOf(response);
    const { task, model } = await jobs.get(owner, id);
    requireTask(principalOf(response), task);
    requireModel(principalOf(response), model);
    return jobs.retry(owner, id);
  };
  return [
    {
      method: 'post',
      path: '/v1/jobs/bulk',
      operation: {
        ...shared,
        operationId: 'actOnJobs',
        summary: 'Cancels, retries or deletes several jobs',
        requestBody: { content: { 'application/json': { schema: bulkJobsRequest } } },
        responses: {
          '200': { description: 'What became of each', content: { 'application/json': { schema: bulkJobsAnswer } } },
          ...errorResponses(400, 401, 403, 413, 503),
        },
      },
      handle: async (request, response) => {
        const body = await readJson(request, response, bulkJobsRequest);
        const owner = ownerOf(response);
        const answer = await actOnAll(body, async (id, action) => {
          if (action === 'delete') await jobs.delete(owner, id);
          else if (action === 'cancel') await jobs.cancel(owner, id);
          else await retry(response, id);
        });
        response.json(answer);
      },
    },
    {
      method: 'post',
      path: '/v1/jobs/{id}/retry',
      operation: {
        ...shared,
        operationId: 'retryJob',
        summary: 'Has a job that failed or was cancelled done after all, behind what it has done',
        requestParams: { path: jobPath },
        responses: {
          '200': { description: 'The job', content: { 'application/json': { schema: job } } },
          ...errorResponses(401, 403, 404, 409, 410, 429, 503),
        },
      },
      handle: async (request, response) => {
        const [described] = await jobs.describe([await retry(response, idOf(request.params))]);
        response.json(described);
      },
    },
    {
      method: 'get',
      path: '/v1/jobs/{id}/trace',
      operation: {
        ...shared,
        operationId: 'traceJob',
        summary: 'What was asked, the attempts, and the stages with their times and devices',
        requestParams: { path: jobPath },
        responses: {
          '200': { description: 'Up to now', content: { 'application/json': { schema: jobTrace } } },
          ...errorResponses(401, 403, 404, 503),
        },
      },
      handle: async (request, response) => {
        response.json(await jobs.trace(await jobs.get(ownerOf(response), idOf(request.params))));
      },
    },
    {
      method: 'get',
      path: '/v1/jobs/{id}/partial',
      operation: {
        ...shared,
        operationId: 'retrieveJobPartial',
        summary: 'The text so far: of a job that runs, or of one that failed behind it',
        requestParams: { path: jobPath },
        responses: {
          '200': {
            description: 'What is there; nothing for tasks without text',
            content: { 'application/json': { schema: jobPartial } },
          },
          ...errorResponses(401, 403, 404, 503),
        },
      },
      handle: async (request, response) => {
        const row = await jobs.get(ownerOf(response), idOf(request.params));
        const segments = await segmentsOf(row);
        const partial: JobPartial = {
          object: 'job.partial',
          job_id: publicJobId(row.id),
          rev: row.rev,
          status: row.status,
          text: segments
            .map(({ text }) => text)
            .join('')
            .trim(),
          segments: segments.map(({ start, end, text }) => ({ start, end, text })),
          processed_seconds: row.processed_seconds,
          total_seconds: row.audio_seconds,
        };
        response.set('cache-control', 'no-store').json(partial);
      },
    },
  ];

  async function segmentsOf(row: JobRow) {
    if (row.task !== 'transcription' && row.task !== 'translation') return [];
    if (row.status === 'succeeded') return (await transcriptionJobs.result(row)).segments;
    return z
      .array(transcriptWindow)
      .parse(await jobs.windows(row))
      .flatMap(({ segments }) => segments);
  }
}
