/** `/v1/jobs/{id}/artifacts/{name}` and `/v1/jobs/{id}/input`: files of a job, and tickets for them. */
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import { fileTicket } from '../../contract/jobs.ts';
import type { ArtifactStore } from '../../jobs/artifacts.ts';
import { inputFile } from '../../jobs/input-file.ts';
import type { JobService } from '../../jobs/job-service.ts';
import { errorResponses } from '../error-responses.ts';
import { ownerOf } from '../owner.ts';
import type { Route } from '../route.ts';
import { idOf, jobPath } from './jobs.ts';
import { type FileToSend, sendFile } from './send-file.ts';

export interface JobFilesOptions {
  jobs: JobService;
  artifacts: ArtifactStore;
  issueTicket(grant: {
    owner: string;
    jobId: string;
    path: string;
  }): Promise<{ ticket: string; expiresAt: Date; endsAt: Date }>;
}

const shared = { tags: ['Jobs'], security: [{ bearer: [] }] };
const ticketQuery = z.object({
  ticket: z.string().optional().meta({ description: 'In place of a key: of `POST …/ticket`' }),
});
const anyFile = { '*/*': { schema: z.unknown().meta({ description: 'Of the type that the job lists' }) } };

export function jobFileRoutes({ jobs, artifacts, issueTicket }: JobFilesOptions): Route[] {
  /** The file, and a way to open it for what cannot send a key. */
  const both = (file: {
    path: string;
    params: z.ZodObject;
    operationId: string;
    summary: string;
    find(owner: string, request: Request): Promise<FileToSend>;
  }): Route[] => {
    const { path, params, operationId, summary, find } = file;
    const read: ZodOpenApiOperationObject = {
      ...shared,
      operationId: `retrieve${operationId}`,
      summary,
      requestParams: { path: params, query: ticketQuery },
      responses: {
        '200': { description: 'The file', content: anyFile },
        '206': { description: 'The part asked for by `Range`', content: anyFile },
        '304': { description: 'It is what `If-None-Match` names' },
        '416': { description: '`Range` lies outside of the file' },
        ...errorResponses(401, 403, 404, 410, 503),
      },
    };
    const issue: ZodOpenApiOperationObject = {
      ...shared,
      operationId: `create${operationId}Ticket`,
      summary: 'An address of this file that needs no key, for some minutes',
      requestParams: { path: params },
      responses: {
        '201': { description: 'Its only appearance', content: { 'application/json': { schema: fileTicket } } },
        ...errorResponses(401, 403, 404, 410, 503),
      },
    };
    return [
      {
        method: 'get',
        path,
        operation: read,
        handle: async (request, response) => {
          await sendFile(request, response, { artifacts, file: await find(ownerOf(response), request) });
        },
      },
      {
        method: 'post',
        path: `${path}/ticket`,
        operation: issue,
        handle: async (request: Request, response: Response) => {
          const owner = ownerOf(response);
          const { id: jobId } = await jobs.get(owner, idOf(request.params));
          await find(owner, request);
          const opened = (request.baseUrl + request.path).replace(/\/ticket\/?$/i, '');
          const { ticket, expiresAt, endsAt } = await issueTicket({ owner, jobId, path: opened });
          response
            .status(201)
            .set('cache-control', 'no-store')
            .json({
              object: 'ticket',
              url: `${opened}?ticket=${ticket}`,
              expires_at: Math.floor(expiresAt.getTime() / 1000),
              ends_at: Math.floor(endsAt.getTime() / 1000),
            });
        },
      },
    ];
  };
  return [
    ...both({
      path: '/v1/jobs/{id}/artifacts/{name}',
      params: jobPath.extend({ name: z.string() }),
      operationId: 'JobArtifact',
      summary: 'A file the job left',
      // Looked up among the job's rows: a name never becomes a path.
      find: (owner, { params }) =>
        jobs.artifact(owner, idOf(params), typeof params.name === 'string' ? params.name : ''),
    }),
    ...both({
      path: '/v1/jobs/{id}/input',
      params: jobPath,
      operationId: 'JobInput',
      summary: 'The audio of the job, as it was sent',
      find: async (owner, { params }) => inputFile(artifacts, await jobs.get(owner, idOf(params))),
    }),
  ];
}
