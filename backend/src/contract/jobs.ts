/** Background jobs as callers see them: `/v1/jobs` and every `/v1/audio/*` request that is answered with one. */
import { z } from 'zod';

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
    rev: z.int().meta({ description: 'Grows with every change' }),
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
    cached: z.boolean().meta({ description: 'The result of an equal job was taken; nothing was computed or charged' }),
    metadata: z.record(z.string(), z.string()),
    artifacts: z.array(jobArtifact),
  })
  .meta({ id: 'Job' });
export type Job = z.infer<typeof job>;

export const jobList = z
  .object({
    object: z.literal('list'),
    data: z.array(job),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: 'JobList' });

/** `GET /v1/jobs/{id}/events`: what `data:` frames hold; their `id:` is the number to go on behind. */
export const jobEvent = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('job.status'), status: jobStatus, error: jobError.nullable() }),
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
