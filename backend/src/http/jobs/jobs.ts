/** `/v1/jobs`: the caller's own jobs. */
import type { Response } from 'express';
import { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import {
  DIARIZATION_FORMATS,
  type DiarizationResult,
  diarizationJson,
  diarizationVerboseJson,
} from '../../contract/diarization.ts';
import { job, jobList, jobListQuery } from '../../contract/jobs.ts';
import { SEPARATION_FORMATS, type SeparationResult, separationJson } from '../../contract/separation.ts';
import {
  TRANSCRIPTION_FORMATS,
  type TranscriptionResult,
  transcriptionDiarizedJson,
  transcriptionJson,
  transcriptionVerboseJson,
} from '../../contract/transcription.ts';
import { GatewayError } from '../../errors.ts';
import type { JobRow, JobService } from '../../jobs/job-service.ts';
import type { AudioJobs } from '../../services/audio-jobs.ts';
import { type DiarizationJobRequest, diarizationJobRequest } from '../../services/diarization-job.ts';
import type { SeparationJobRequest } from '../../services/separation-job.ts';
import {
  modelsOfTranscription,
  type TranscriptionRequest,
  transcriptionRequest,
} from '../../services/transcription-job.ts';
import type { KaraokeAnswer } from '../audio/karaoke-response.ts';
import type { SeparationAnswer } from '../audio/separation-response.ts';
import { errorResponses } from '../error-responses.ts';
import { type ModelNotes, noteModels } from '../model-note.ts';
import { sendDiarization } from '../openai/diarization-response.ts';
import { sendTranscription, sendTranslation } from '../openai/transcription-response.ts';
import { ownerOf } from '../owner.ts';
import { parseQuery } from '../query.ts';
import type { Route } from '../route.ts';
import { listJobs } from './job-list.ts';

export const jobPath = z.object({ id: z.string().meta({ description: 'Of the job' }) });

const resultQuery = z.object({
  response_format: z
    .enum([...TRANSCRIPTION_FORMATS, 'rttm', 'zip'])
    .optional()
    .meta({ description: 'Default: what the job was asked with' }),
});

export interface JobRoutesOptions extends ModelNotes {
  jobs: JobService;
  transcriptionJobs: Pick<AudioJobs<TranscriptionRequest, TranscriptionResult>, 'result'>;
  diarizationJobs: Pick<AudioJobs<DiarizationJobRequest, DiarizationResult>, 'result'>;
  separationJobs: Pick<AudioJobs<SeparationJobRequest, SeparationResult>, 'result'>;
  answerSeparation: SeparationAnswer;
  answerKaraoke: KaraokeAnswer;
}

export function jobRoutes(options: JobRoutesOptions): Route[] {
  const { jobs, transcriptionJobs, diarizationJobs, separationJobs, answerSeparation, answerKaraoke } = options;
  const sendJob = async (response: Response, row: JobRow) => {
    const [described] = await jobs.describe([row]);
    response.json(described);
  };
  const one = (operation: Pick<ZodOpenApiOperationObject, 'operationId' | 'summary'>): ZodOpenApiOperationObject => ({
    ...operation,
    tags: ['Jobs'],
    security: [{ bearer: [] }],
    requestParams: { path: jobPath },
    responses: {
      '200': { description: 'The job', content: { 'application/json': { schema: job } } },
      ...errorResponses(401, 403, 404, 503),
    },
  });
  return [
    {
      method: 'get',
      path: '/v1/jobs',
      operation: {
        operationId: 'listJobs',
        summary: "The caller's jobs, page by page",
        tags: ['Jobs'],
        security: [{ bearer: [] }],
        requestParams: { query: jobListQuery },
        responses: {
          '200': { description: 'One page', content: { 'application/json': { schema: jobList } } },
          ...errorResponses(400, 401, 403, 404, 503),
        },
      },
      handle: async (request, response) => {
        const query = parseQuery(jobListQuery, request.query);
        const describe = (rows: JobRow[]) => jobs.describe(rows);
        response.json(await listJobs(jobs, { viewer: ownerOf(response), query, describe }));
      },
    },
    {
      method: 'get',
      path: '/v1/jobs/{id}',
      operation: one({ operationId: 'retrieveJob', summary: 'One job' }),
      handle: async (request, response) => {
        await sendJob(response, await jobs.get(ownerOf(response), idOf(request.params)));
      },
    },
    {
      method: 'delete',
      path: '/v1/jobs/{id}',
      operation: {
        ...one({ operationId: 'deleteJob', summary: 'Cancels the job if need be, and deletes all of it' }),
        responses: {
          '200': {
            description: 'It is gone',
            content: {
              'application/json': {
                schema: z.object({ id: z.string(), object: z.literal('job'), deleted: z.literal(true) }),
              },
            },
          },
          ...errorResponses(401, 403, 404, 503),
        },
      },
      handle: async (request, response) => {
        const id = idOf(request.params);
        await jobs.delete(ownerOf(response), id);
        response.json({ id, object: 'job', deleted: true });
      },
    },
    {
      method: 'post',
      path: '/v1/jobs/{id}/cancel',
      operation: one({ operationId: 'cancelJob', summary: 'Ends the job; one that is over stays as it is' }),
      handle: async (request, response) => {
        await sendJob(response, await jobs.cancel(ownerOf(response), idOf(request.params)));
      },
    },
    {
      method: 'get',
      path: '/v1/jobs/{id}/result',
      operation: {
        operationId: 'retrieveJobResult',
        summary: 'What the request would have been answered with',
        tags: ['Jobs'],
        security: [{ bearer: [] }],
        requestParams: { path: jobPath, query: resultQuery },
        responses: {
          '200': {
            description: 'The transcript in the format asked for',
            content: {
              'application/json': {
                schema: z.union([
                  transcriptionVerboseJson,
                  transcriptionDiarizedJson,
                  transcriptionJson,
                  diarizationVerboseJson,
                  diarizationJson,
                  separationJson,
                ]),
              },
              'text/plain': { schema: z.string() },
              'application/zip': { schema: z.string().meta({ format: 'binary' }) },
            },
          },
          ...errorResponses(400, 401, 403, 404, 409, 500, 503),
        },
      },
      handle: async (request, response) => {
        const { response_format: other } = parseQuery(resultQuery, request.query);
        const row = await jobs.get(ownerOf(response), idOf(request.params));
        noteModels(response, options, modelsOf(row));
        if (row.task === 'separation') {
          const result = await separationJobs.result(row);
          await answerSeparation(response, { job: row, result }, fitting(other, SEPARATION_FORMATS) ?? 'json');
          return;
        }
        if (row.task === 'diarization') {
          const { format } = diarizationJobRequest.parse(row.request);
          sendDiarization(response, await diarizationJobs.result(row), fitting(other, DIARIZATION_FORMATS) ?? format);
          return;
        }
        const result = await transcriptionJobs.result(row);
        const { format, granularities } = transcriptionRequest.parse(row.request);
        const form = { format: fitting(other, TRANSCRIPTION_FORMATS) ?? format, granularities: new Set(granularities) };
        if (form.format === 'karaoke') {
          await answerKaraoke(response, { job: row, result });
          return;
        }
        if (form.format === 'diarized_json' && result.diarization === undefined) {
          throw new GatewayError('invalid_value', {
            message: "Invalid value for 'response_format': the job was not asked who speaks (`diarize=true`).",
            param: 'response_format',
          });
        }
        if (row.task === 'translation') sendTranslation(response, result, form);
        else sendTranscription(response, result, form);
      },
    },
  ];
}

function modelsOf({ task, model, request }: JobRow): string[] {
  if (task === 'separation' || task === 'diarization') return [model];
  return [model, ...modelsOfTranscription(transcriptionRequest.parse(request))];
}

/** @throws invalid_value for a format that the job's task has not. */
function fitting<T extends string>(asked: string | undefined, formats: readonly T[]): T | undefined {
  const format = formats.find((known) => known === asked);
  if (format !== undefined || asked === undefined) return format;
  throw new GatewayError('invalid_value', {
    message: `Invalid value for 'response_format': this job's result comes as ${formats.join(', ')}.`,
    param: 'response_format',
  });
}

/** Express gives a parameter as a string, or as a list for a wildcard. */
export function idOf({ id }: Record<string, string | string[] | undefined>): string {
  return typeof id === 'string' ? id : '';
}
