/** Where models are to live: an operator's order, what carrying it out would do, and all there is at a glance. */
import { z } from 'zod';
import { adminModel } from './admin.ts';
import { gpuList } from './gpus.ts';

const UNIT_SECONDS = { ms: 0.001, s: 1, m: 60, h: 3_600 } as const;
const LONGEST_SECONDS = 31_536_000;

/** Ollama's: seconds, or a duration such as `90s`, `5m`, `1h30m`; 0 = not at all, negative = for ever (−1). */
export const keepAlive = z
  .union([z.number(), z.string()])
  .transform((value, context): number => {
    const seconds = typeof value === 'number' ? value : parseDuration(value);
    if (seconds === undefined || !(seconds <= LONGEST_SECONDS)) {
      const message = "expected seconds or a duration such as '90s', '5m' or '1h30m'; 0 = not at all, -1 = for ever";
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
    return seconds < 0 ? -1 : seconds;
  })
  .meta({
    override: { anyOf: [{ type: 'number' }, { type: 'string' }] },
    description: 'Seconds, or a duration such as `5m`; 0: not at all; -1: for ever',
  });

function parseDuration(text: string): number | undefined {
  const plain = text.trim();
  if (/^-?\d+(\.\d+)?$/.test(plain)) return Number(plain);
  if (!/^-?(\d+(\.\d+)?(ms|s|m|h))+$/.test(plain)) return undefined;
  const parts = [...plain.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNIT_SECONDS[unit as 's'], 0);
  return plain.startsWith('-') ? -seconds : seconds;
}

const deviceName = z.union([z.int().min(0), z.string().min(1).max(100)]);
const MAX_REPLICAS = 16;
const MAX_BATCH = 256;

export const loadRequest = z
  .strictObject({
    gpu_device_ids: z
      .array(deviceName)
      .min(1)
      .max(64)
      .meta({ description: 'GPUs by index or UUID; `"cpu"` is a device too' }),
    replicas_per_gpu: z.int().min(1).max(MAX_REPLICAS).default(1),
    precision: z.string().max(40).nullable().default(null).meta({ description: 'One of the model’s `precisions`' }),
    keep_alive: keepAlive.nullable().default(null),
    max_batch: z.int().min(1).max(MAX_BATCH).nullable().default(null),
    plan_rev: z
      .int()
      .optional()
      .meta({ description: 'Of a plan: 409 `stale_plan` where devices, replicas or wishes have changed since' }),
  })
  .meta({ id: 'LoadRequest' });
export type LoadRequest = z.output<typeof loadRequest>;

export const planRequest = loadRequest
  .omit({ plan_rev: true })
  .extend({ model: z.string().min(1).max(200) })
  .meta({ id: 'PlacementPlanRequest' });

export const placementPlan = z
  .object({
    object: z.literal('placement.plan'),
    rev: z.int().meta({ description: 'For `plan_rev`: grows with every change of devices, replicas or wishes' }),
    possible: z.boolean(),
    placements: z.array(
      z.object({
        device: z.string(),
        replicas: z.int().meta({ description: 'To be started; those there already are not counted' }),
        evictions: z.array(z.string()).meta({ description: 'Replicas that are unloaded to make room' }),
        free_bytes_after: z.int(),
      }),
    ),
    refusals: z.array(
      z.object({
        code: z.string(),
        message: z.string(),
        device: z.string(),
        needed_bytes: z.int(),
        free_bytes: z.int(),
        holders: z.array(z.object({ replica: z.string(), model: z.string(), bytes: z.int(), why: z.string() })),
      }),
    ),
  })
  .meta({ id: 'PlacementPlan' });
export type PlacementPlan = z.infer<typeof placementPlan>;

export const unloadRequest = z
  .strictObject({
    force: z.boolean().default(false).meta({ description: 'Cancel its requests rather than wait for them' }),
  })
  .meta({ id: 'UnloadRequest' });

export const adminStatus = z
  .object({
    object: z.literal('status'),
    version: z.string(),
    rev: z.int(),
    gpu: gpuList,
    devices: z.array(
      z.object({
        id: z.string(),
        index: z.int().nullable(),
        kind: z.enum(['cpu', 'cuda']),
        total_bytes: z.int(),
        used_bytes: z.int(),
        unavailable: z.string().nullable().meta({ description: 'Why no model can be placed here' }),
      }),
    ),
    models: z.array(adminModel),
    dependencies: z.record(z.string(), z.object({ ok: z.boolean(), reason: z.string().nullable() })),
  })
  .meta({ id: 'AdminStatus' });
export type AdminStatus = z.infer<typeof adminStatus>;
