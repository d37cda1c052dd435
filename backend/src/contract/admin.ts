/** What the operator's page reads: models with their files and replicas, as a list and as a stream of changes. */
import { z } from 'zod';
import { gpuList } from './gpus.ts';

export const adminModelStatus = z.enum(['absent', 'downloading', 'downloaded', 'loading', 'ready', 'failed']);
export type AdminModelStatus = z.infer<typeof adminModelStatus>;

export const adminReplica = z
  .object({
    id: z.string(),
    device: z.string().meta({ description: "`cpu` or a GPU's UUID" }),
    device_index: z.int().nullable().meta({ description: "The GPU's number now; null for the CPU" }),
    state: z.enum(['stopped', 'starting', 'ready', 'stopping', 'failed']),
    reason: z.string().nullable(),
    in_flight: z.int(),
    pid: z.int().nullable(),
    started_at: z.int().nullable().meta({ description: 'Unix seconds' }),
    last_used_at: z.int().meta({ description: 'Unix seconds' }),
    pinned: z.boolean().meta({ description: 'Not unloaded for being idle, nor to make room for others' }),
    expected_bytes: z.int().meta({ description: 'What it counts for in placements' }),
    bytes_are_measured: z.boolean().meta({ description: "false: `expected_bytes` is the catalog's estimate" }),
    resident_bytes: z.int().nullable().meta({
      description: "Held now: of the device's memory by the driver's figures; on the CPU the worker's resident memory",
    }),
    peak_bytes: z.int().nullable().meta({ description: 'The most it held' }),
    residue_bytes: z.int().nullable().meta({
      description: "Of a GPU's memory, what had not come back 5 s after its end; null where that was not measured",
    }),
    crashes_in_a_row: z.int(),
  })
  .meta({ id: 'AdminReplica' });

export const adminModel = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    rev: z.int().meta({ description: 'Grows with every change of any entity; merge by it' }),
    status: adminModelStatus,
    reason: z.string().nullable().meta({ description: 'Why it could not be loaded' }),
    task: z.string(),
    family: z.string(),
    repo: z.string(),
    revision: z.string(),
    license: z.string(),
    license_confirmation: z
      .object({
        required: z.boolean().meta({ description: 'Non-commercial, disputed, unknown, or not known to be free' }),
        confirmed_at: z.int().nullable().meta({ description: 'Unix seconds' }),
        confirmed_by: z.string().nullable().meta({ description: 'Id of the key' }),
      })
      .meta({ description: 'A required one must be there before the model is downloaded, loaded or asked' }),
    languages: z.array(z.string()),
    published: z.string().nullable(),
    memory_estimate_bytes: z.int(),
    precision: z
      .string()
      .nullable()
      .meta({ description: 'In use, or taken at the next load; null: there is no choice' }),
    precisions: z.array(z.string()),
    queued: z.int().meta({ description: 'Requests that wait for a replica' }),
    pending: z.int().meta({ description: 'Requests not answered yet' }),
    placement: z
      .object({
        devices: z.array(z.string()),
        replicas_per_device: z.int(),
        precision: z.string().nullable(),
        keep_alive_seconds: z
          .number()
          .nullable()
          .meta({ description: '-1: for ever; null: MODEL_IDLE_TIMEOUT_SECONDS' }),
        max_batch: z.int().nullable(),
      })
      .nullable()
      .meta({
        description: "The operator's wish, kept over restarts; null: any GPU that has room, without one the CPU",
      }),
    fallback: z.string().nullable().meta({ description: 'Why it runs on the CPU though a GPU was meant' }),
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
