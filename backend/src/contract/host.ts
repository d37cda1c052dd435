/** The machine the gateway runs on: processors, memory, and the disks its folders are on. */
import { z } from 'zod';

export const host = z
  .object({
    object: z.literal('host'),
    sampled_at: z.number().meta({ description: 'Unix seconds, with a fraction' }),
    uptime_seconds: z.number(),
    cpu: z.object({
      cores: z.int(),
      load_percent: z.number().nullable().meta({ description: 'Of all cores, since the sample before' }),
      load_average: z.tuple([z.number(), z.number(), z.number()]).meta({ description: 'Over 1, 5 and 15 minutes' }),
    }),
    memory: z
      .object({
        total_bytes: z.int(),
        used_bytes: z.int().meta({ description: 'Total less what is available; caches do not count' }),
        available_bytes: z.int(),
        swap_total_bytes: z.int(),
        swap_used_bytes: z.int(),
      })
      .nullable(),
    disks: z.array(
      z.object({
        folder: z.enum(['data', 'models', 'logs']),
        total_bytes: z.int().nullable(),
        available_bytes: z.int().nullable().meta({ description: 'To the gateway, which may be less than is free' }),
        device: z.string().nullable(),
        mount: z.string().nullable(),
        filesystem: z.string().nullable().meta({ description: 'For example `ext4`' }),
      }),
    ),
  })
  .meta({ id: 'Host', description: 'null: not to be had within a few seconds' });
export type Host = z.infer<typeof host>;
