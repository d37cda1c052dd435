/** What the operator's page reads: models with their files and replicas, as a list and as a stream of changes. */
import { z } from 'zod';
import { gpuList } from './gpus.ts';
import { job } from './jobs.ts';
import { logLine } from './logs.ts';

export const adminModelStatus = z.enum(['absent', 'downloading', 'downloaded', 'loading', 'ready', 'failed']);
export type AdminModelStatus = z.infer<typeof adminModelStatus>;

export const loadSeconds = z
  .number()
  .nullable()
  .meta({ description: 'Of its last load on such a device in this precision; null: none was timed' });
export const downloadBytes = z
  .int()
  .nullable()
  .meta({ description: 'Of its files, while they are not here; null: the hub has not told their sizes yet' });

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
export type AdminReplica = z.infer<typeof adminReplica>;

const modelFiles = z
  .object({
    state: z.enum(['absent', 'downloading', 'present', 'failed']),
    bytes: z.int(),
    total_bytes: z.int(),
    commit: z.string().nullable(),
    reason: z.string().nullable(),
    download: z
      .object({
        phase: z.enum(['listing', 'downloading', 'verifying', 'paused']).meta({
          description: '`verifying`: hashes of what is here are compared; `paused` until it is started or cancelled',
        }),
        bytes_per_second: z.int().nullable().meta({ description: 'Over the last 10 s; null: too early to tell' }),
        eta_seconds: z.int().nullable().meta({ description: 'null: not known, or nothing comes' }),
        stalled_seconds: z.int().meta({ description: 'Since the last byte came; 0 below 3' }),
      })
      .nullable()
      .meta({ description: 'While it is under way or paused' }),
  })
  .meta({ id: 'ModelFiles' });

export const adminModel = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    rev: z.int().meta({ description: 'Grows with every change of any entity; merge by it' }),
    status: adminModelStatus,
    reason: z.string().nullable().meta({ description: 'Why it could not be loaded' }),
    task: z.string(),
    family: z.string(),
    registered: z.boolean().meta({ description: 'An operator added it, and may remove it' }),
    repo: z.string(),
    revision: z.string(),
    bundled: z.boolean().meta({ description: 'It ships with the gateway: small, for a first try, never downloaded' }),
    repositories: z
      .array(
        z.object({
          repo: z.string(),
          url: z.string().meta({ description: "Its page on the hub: a gated one's licence is accepted there" }),
          gated: z.enum(['no', 'auto', 'manual']).nullable().meta({
            description: '`manual`: somebody looks at each request for access; null: the hub has not been asked yet',
          }),
          accessible: z.boolean().nullable().meta({
            description: 'The hub let this server have files of it, or refused; null: not tried with this token',
          }),
        }),
      )
      .meta({
        description:
          'Its own on the hub, then others there it needs files of; as the hub said since the start, never asked for this',
      }),
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
    load_seconds: loadSeconds,
    download_bytes: downloadBytes,
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
    files: modelFiles,
    replicas: z.array(adminReplica),
  })
  .meta({ id: 'AdminModel' });
export type AdminModel = z.infer<typeof adminModel>;

export const adminModelList = z
  .object({ object: z.literal('list'), data: z.array(adminModel) })
  .meta({ id: 'AdminModelList' });

export const releaseProof = z
  .object({
    replica: z.string(),
    device: z.string().meta({ description: "`cpu` or a GPU's UUID" }),
    at: z.number().meta({ description: 'Unix seconds, with a fraction, when its process was gone' }),
    cause: z.enum(['unloaded', 'crashed', 'load_failed']),
    exit_code: z.int().nullable(),
    exit_signal: z.string().nullable(),
    held_bytes: z.int().nullable().meta({ description: 'What it had at last' }),
    memory_before_bytes: z.int().nullable().meta({ description: 'In use on the device, of all programs' }),
    memory_after_bytes: z.int().nullable(),
    residue_bytes: z.int().nullable().meta({ description: "Of a GPU's, what had not come back 5 s after its end" }),
    seconds: z.number().meta({ description: 'From when it was to end until its memory was back, or was given up' }),
    passed: z.boolean().nullable().meta({ description: 'It has given all back; null: the driver did not tell' }),
  })
  .meta({ id: 'ReleaseProof' });
export type ReleaseProof = z.infer<typeof releaseProof>;

export const adminModelDetail = adminModel
  .extend({ proofs: z.array(releaseProof).meta({ description: 'Of the last 20 ends of its replicas, newest first' }) })
  .meta({ id: 'AdminModelDetail' });
export type AdminModelDetail = z.infer<typeof adminModelDetail>;

/** A job of whatever key, as far as operators may see it: what it is about is its owner's. */
export const jobGlance = job
  .pick({
    id: true,
    object: true,
    rev: true,
    task: true,
    status: true,
    model: true,
    created_at: true,
    started_at: true,
    finished_at: true,
    progress: true,
    error: true,
    cached: true,
  })
  .extend({ owner: z.string().meta({ description: 'Id of the key' }) })
  .meta({ id: 'JobGlance' });
export type JobGlance = z.infer<typeof jobGlance>;

export const adminEventsQuery = z.object({
  include: z.literal('logs').optional().meta({ description: '`logs`: `log.line` for each line of the log too' }),
});

const ofReplica = {
  rev: z.int().meta({ description: "Its model's" }),
  model: z.string().meta({ description: 'Id' }),
  replica: adminReplica,
};

/**
 * `GET /api/admin/events`: `snapshot` first, then `model.state` for every change (downloads included, ≤ 4/s each), and
 * `gpu.sample` at once and for every reading of the GPUs; the `rev` of those is a count of its own. Events with an `id:` can
 * be gone on behind with `Last-Event-ID`; `resync` says that what came in between is not known any more.
 */
export const adminEvent = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('snapshot'), rev: z.int(), models: z.array(adminModel) }),
    z.object({ type: z.literal('resync'), rev: z.int() }),
    z.object({ type: z.literal('model.state'), rev: z.int(), model: adminModel }),
    z.object({
      type: z.literal('download.progress'),
      rev: z.int().meta({ description: 'As the model had it' }),
      model: z.string().meta({ description: 'Its id' }),
      files: modelFiles,
    }),
    z.object({
      type: z.enum(['replica.appeared', 'replica.starting', 'replica.loaded', 'replica.load_failed']),
      ...ofReplica,
    }),
    z.object({ type: z.enum(['replica.crashed', 'replica.unloaded', 'replica.changed']), ...ofReplica }),
    z.object({ type: z.literal('replica.released'), rev: z.int(), model: z.string(), proof: releaseProof }),
    z.object({ type: z.enum(['job.state', 'job.stage', 'job.progress']), rev: z.int(), job: jobGlance }),
    z.object({ type: z.literal('job.deleted'), rev: z.int(), id: z.string() }),
    z.object({
      type: z.enum(['key.changed', 'webhook.changed', 'webhook_secret.changed']),
      rev: z.int(),
      id: z.string(),
      deleted: z.boolean(),
    }),
    z.object({ type: z.literal('settings.changed'), rev: z.int() }),
    z.object({ type: z.literal('audit.added'), rev: z.int().meta({ description: '`seq` of the last row' }) }),
    z.object({ type: z.literal('log.line'), rev: z.int(), line: logLine }),
    z.object({ type: z.literal('gpu.sample'), rev: z.int(), gpus: gpuList }),
  ])
  .meta({ id: 'AdminEvent' });
export type AdminEvent = z.infer<typeof adminEvent>;
