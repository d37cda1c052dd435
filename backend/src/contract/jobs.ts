/** Background jobs as callers see them: `/v1/jobs` and every `/v1/audio/*` request that is answered with one. */
import { z } from 'zod';
import { pageOf, pageQuery } from './page.ts';

export const JOB_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export const jobStatus = z.enum(JOB_STATUSES);
export type JobStatus = z.infer<typeof jobStatus>;

/** What a job may do. */
export const JOB_TASKS = ['transcription', 'translation', 'diarization', 'separation'] as const;
export const jobTask = z.enum(JOB_TASKS);
export type JobTask = z.infer<typeof jobTask>;

export const jobError = z
  .object({ code: z.string(), message: z.string(), param: z.string().nullable() })
  .meta({ id: 'JobError' });
export type JobError = z.infer<typeof jobError>;

export const jobArtifact = z
  .object({
    name: z.string(),
    content_type: z.string(),
    bytes: z.int(),
    sha256: z.string(),
    url: z.string().meta({ description: 'Path on this server' }),
  })
  .meta({ id: 'JobArtifact' });
export type JobArtifact = z.infer<typeof jobArtifact>;

/** Unix seconds, as OpenAI's objects have them. */
const moment = z.int();

export const job = z
  .object({
    id: z.string(),
    object: z.literal('job'),
    task: jobTask,
    status: jobStatus,
    model: z.string(),
    created_at: moment,
    started_at: moment.nullable(),
    finished_at: moment.nullable(),
    queue: z
      .object({
        position: z.int().meta({ description: '1 is next' }),
        eta_seconds: z.number().nullable().meta({
          description: 'Until it is finished, from the measured speed of the jobs before; null while nothing is known',
        }),
      })
      .nullable()
      .meta({ description: 'While it is queued' }),
    progress: z
      .object({
        processed_seconds: z.number().meta({ description: 'Of audio' }),
        total_seconds: z.number().nullable(),
        eta_seconds: z.number().nullable(),
        stage: z.string().nullable().meta({ description: 'What it is at, of work in several stages' }),
        stage_done: z.number().nullable().meta({ description: 'Of the stage, from 0 to 1' }),
      })
      .meta({ id: 'JobProgress' }),
    error: jobError.nullable(),
    attempts: z.int().meta({ description: 'Begun; a crash is an attempt, and no end' }),
    input: z
      .object({
        name: z.string().nullable(),
        bytes: z.int().nullable(),
        available: z.boolean().meta({ description: '`GET …/input` has it; the audio is kept for a time only' }),
      })
      .meta({ id: 'JobInput' }),
    rev: z.int().meta({ description: 'Grows with every change of the job: of two answers the greater is the newer' }),
    cached: z.boolean().meta({ description: 'The result of an equal job was taken; nothing was computed or charged' }),
    metadata: z.record(z.string(), z.string()),
    artifacts: z.array(jobArtifact),
  })
  .meta({ id: 'Job' });
export type Job = z.infer<typeof job>;

export const jobList = pageOf(job).meta({ id: 'JobList' });

/** `/api/admin/jobs`: anybody's job. */
export const adminJob = job
  .extend({
    key: z.object({
      id: z.string(),
      name: z.string().nullable().meta({ description: 'null: a key of the environment, or none' }),
    }),
  })
  .meta({ id: 'AdminJob' });
export type AdminJob = z.infer<typeof adminJob>;

export const adminJobList = jobList.extend({ data: z.array(adminJob) }).meta({ id: 'AdminJobList' });

const unixTime = z
  .string()
  .regex(/^\d{1,10}$/, 'must be Unix seconds')
  .transform(Number);
/** Of a query string, so everything is text. */
export const jobListQuery = z.object({
  ...pageQuery,
  order: z.enum(['asc', 'desc']).optional().meta({ description: 'By the time of creation; default `desc`' }),
  status: z
    .string()
    .transform((value) => value.split(','))
    .pipe(z.array(jobStatus))
    .optional()
    .meta({ description: 'One, or several with commas between' }),
  task: jobTask.optional(),
  model: z.string().optional().meta({ description: 'Id of the model' }),
  created_after: unixTime.optional().meta({ description: 'Unix seconds, that second included' }),
  created_before: unixTime.optional().meta({ description: 'Unix seconds, that second left out' }),
  q: z.string().min(1).max(200).optional().meta({
    description:
      "Text anywhere in the job's id, its file's name, its metadata's values or its error, whatever the case",
  }),
});
export const adminJobListQuery = jobListQuery.extend({
  key: z.string().optional().meta({ description: 'Id of the key' }),
});

const preciseMoment = z.number().meta({ description: 'Unix seconds, to the millisecond' });
export const jobAttempt = z
  .object({
    number: z.int(),
    started_at: preciseMoment,
    finished_at: preciseMoment.nullable(),
    outcome: jobStatus.meta({ description: '`queued`: it ended without an end of the job, which went back' }),
    devices: z.array(z.string()).meta({ description: 'That models ran on' }),
  })
  .meta({ id: 'JobAttempt' });
export type JobAttempt = z.infer<typeof jobAttempt>;

export const jobStage = z
  .object({
    name: z
      .string()
      .meta({ description: '`queued`, `preparing` (audio and model are awaited), then those of the task' }),
    attempt: z.int().meta({ description: '0: before the first' }),
    started_at: preciseMoment,
    seconds: z.number().nullable().meta({ description: 'null: it goes on' }),
    device: z.string().nullable(),
  })
  .meta({ id: 'JobStage' });
export type JobStage = z.infer<typeof jobStage>;

/** `GET …/jobs/{id}/trace`. */
export const jobTrace = z
  .object({
    object: z.literal('job.trace'),
    job_id: z.string(),
    rev: z.int(),
    request: z.unknown().meta({ description: 'What was asked, in the form of the task; without voiceprints' }),
    attempts: z.array(jobAttempt),
    stages: z.array(jobStage).meta({ description: 'In order, of all attempts' }),
  })
  .meta({ id: 'JobTrace' });
export type JobTrace = z.infer<typeof jobTrace>;

/** `GET /v1/jobs/{id}/partial`. */
export const jobPartial = z
  .object({
    object: z.literal('job.partial'),
    job_id: z.string(),
    rev: z.int(),
    status: jobStatus,
    text: z.string(),
    segments: z.array(z.object({ start: z.number(), end: z.number(), text: z.string() })),
    processed_seconds: z.number(),
    total_seconds: z.number().nullable(),
  })
  .meta({ id: 'JobPartial' });
export type JobPartial = z.infer<typeof jobPartial>;

export const bulkJobsRequest = z
  .strictObject({
    action: z.enum(['cancel', 'retry', 'delete']),
    ids: z.array(z.string().max(100)).min(1).max(100),
  })
  .meta({ id: 'BulkJobsRequest' });

export const bulkJobsAnswer = z
  .object({
    object: z.literal('list'),
    data: z.array(z.object({ id: z.string(), error: jobError.nullable().meta({ description: 'null: done' }) })),
  })
  .meta({ id: 'BulkJobsAnswer' });

/** `GET /v1/jobs/{id}/events`: what `data:` frames hold; their `id:` is the number to go on behind. */
export const jobEvent = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('job.status'), status: jobStatus, error: jobError.nullable() }),
    z.object({ type: z.literal('job.placed'), device: z.string() }),
    z.object({ type: z.literal('job.stage'), stage: z.string(), done: z.number() }),
    z.object({
      type: z.literal('job.progress'),
      processed_seconds: z.number(),
      total_seconds: z.number().nullable(),
      eta_seconds: z.number().nullable(),
      segments: z.array(z.object({ start: z.number(), end: z.number(), text: z.string() })),
    }),
  ])
  .meta({ id: 'JobEvent' });
export type JobEvent = z.infer<typeof jobEvent>;

/** `POST /v1/jobs/{id}/artifacts/{name}/ticket`. */
export const fileTicket = z
  .object({
    object: z.literal('ticket'),
    url: z.string().meta({ description: 'Path on this server. Whoever opens it first keeps it, by a cookie' }),
    expires_at: moment.meta({ description: 'It must have been opened before' }),
    ends_at: moment.meta({ description: 'It opens nothing after' }),
  })
  .meta({ id: 'FileTicket' });
export type FileTicket = z.infer<typeof fileTicket>;
