/** `GET /api/admin/overview`: what the first page shows, in one answer that costs next to nothing. */
import { z } from 'zod';
import { doctorFinding, doctorStatus } from './doctor.ts';
import { gpu, gpuMonitorState } from './gpus.ts';
import { health } from './health.ts';

export const TRAFFIC_STEP_SECONDS = 10;
export const TRAFFIC_SPANS = 360;
const column = z.array(z.number().nullable());
const latency = z.number().nullable().meta({ description: 'Seconds, within 15 %; null without requests' });

export const failure = z
  .object({
    kind: z.enum(['request', 'job']),
    id: z.string().meta({ description: '`x-request-id`, or id of the job' }),
    at: z.number().meta({ description: 'Unix seconds, with a fraction' }),
    code: z.string(),
    model: z.string().nullable(),
    route: z.string().nullable(),
    status: z.int().nullable().meta({ description: 'Of the answer; null of a job' }),
  })
  .meta({ id: 'RecentFailure' });
export type Failure = z.infer<typeof failure>;

export const traffic = z
  .object({
    now: z
      .object({
        requests_per_second: z.number(),
        p50_seconds: latency,
        p95_seconds: latency,
        error_rate: z.number().nullable().meta({ description: 'Share of requests, from 0 to 1' }),
        queue: z.int().meta({ description: 'Requests that wait for a replica' }),
      })
      .meta({ description: 'Over the last minute' }),
    from: z.int().meta({ description: 'Unix seconds the first span begins at' }),
    step_seconds: z.int(),
    requests_per_second: column,
    error_rate: column,
    p50_seconds: column,
    p95_seconds: column,
    queue: column.meta({ description: 'The most that waited' }),
  })
  .meta({
    id: 'Traffic',
    description:
      'Requests to `/v1` that this gateway has answered since it started, event streams not counted; errors are statuses from 500 on. null: before the start, or without requests',
  });
export type Traffic = z.infer<typeof traffic>;

export const overview = z
  .object({
    object: z.literal('overview'),
    at: z.number().meta({ description: 'Unix seconds, with a fraction' }),
    health,
    traffic,
    jobs: z.object({ queued: z.int(), running: z.int() }).nullable().meta({ description: 'null: no database' }),
    failures: z.array(failure).meta({ description: 'The last 20, newest first' }),
    doctor: z
      .object({
        status: doctorStatus,
        examined_at: z.int(),
        findings: z.array(doctorFinding).meta({ description: 'Those that are not ok' }),
      })
      .nullable()
      .meta({ description: 'Of some minutes ago at most; null: being examined for the first time' }),
    gpus: z.object({
      state: gpuMonitorState,
      reason: z.string().nullable(),
      rev: z.int(),
      data: z.array(
        gpu.pick({
          index: true,
          uuid: true,
          name: true,
          state: true,
          memory_total_bytes: true,
          memory_used_bytes: true,
          utilization_percent: true,
          temperature_celsius: true,
          power_watts: true,
          slowdown_reasons: true,
        }),
      ),
    }),
  })
  .meta({ id: 'Overview' });
export type Overview = z.infer<typeof overview>;
