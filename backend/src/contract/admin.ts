/** What the operator's page reads: models with their files and replicas, as a list and as a stream of changes. */
import { z } from 'zod';
import { gpuList } from './gpus.ts';

export const adminModelStatus = z.enum(['absent', 'downloading', 'downloaded', 'loading', 'ready', 'failed']);
export type AdminModelStatus = z.infer<typeof adminModelStatus>;

export const adminReplica = z
  .object({
    id: z.string(),
    device: z.string().meta({ description: '`cpu` or `cuda:N`' }),
    state: z.enum(['stopped', 'starting', 'ready', 'stopping', 'failed']),
    reason: z.string().nullable(),
    in_flight: z.int(),
    queued: z.int(),
    pid: z.int().nullable(),
    started_at: z.int().nullable().meta({ description: 'Unix seconds' }),
    resident_bytes: z.int().nullable().meta({ description: 'Resident memory of the worker after loading' }),
    crashes_in_a_row: z.int(),
  })
  .meta({ id: 'AdminReplica' });

export const adminModel = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    rev: z.int().meta({ description: 'Grows with every change of any entity; merge by it' }),
    status: adminModelStatus,
    task: z.string(),
    family: z.string(),
    repo: z.string(),
    revision: z.string(),
    license: z.string(),
    languages: z.array(z.string()),
    published: z.string().nullable(),
    memory_estimate_bytes: z.int(),
    files: z.object({
      state: z.enum(['absent', 'downloading', 'present', 'failed']),
      bytes: z.int(),
      total_bytes: z.int(),
      commit: z.string().nullable(),
      reason: z.string().nullable(),
    }),
    replicas: z.array(adminReplica),
  })
  .meta({ id: 'AdminModel' });
export type AdminModel = z.infer<typeof adminModel>;

export const adminModelList = z
  .object({ object: z.literal('list'), data: z.array(adminModel) })
  .meta({ id: 'AdminModelList' });

/**
 * `GET /api/admin/events`: `snapshot` first, then `model.state` for every change (downloads included, ≤ 4/s each), and
 * `gpu.sample` at once and for every reading of the GPUs; the `rev` of those is a count of its own.
 */
export const adminEvent = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('snapshot'), rev: z.int(), models: z.array(adminModel) }),
    z.object({ type: z.literal('model.state'), rev: z.int(), model: adminModel }),
    z.object({ type: z.literal('gpu.sample'), rev: z.int(), gpus: gpuList }),
  ])
  .meta({ id: 'AdminEvent' });
export type AdminEvent = z.infer<typeof adminEvent>;
