/** `GET /api/admin/usage`: audio seconds over time, of one key or of all. */
import { z } from 'zod';

export const usageQuery = z.object({
  key: z
    .string()
    .max(100)
    .optional()
    .meta({ description: "Id of a key, `env_…` or `anonymous`; default: everybody's" }),
  from: z.iso.date().optional().meta({ description: 'First day, UTC; default: 30 days back' }),
  to: z.iso.date().optional().meta({ description: 'Last day, UTC; default: today' }),
  group: z.enum(['day', 'model']).optional().meta({ description: 'Default: day' }),
});

export const usageReport = z
  .object({
    object: z.literal('usage'),
    key: z.string().nullable(),
    from: z.iso.date(),
    to: z.iso.date(),
    group: z.enum(['day', 'model']),
    data: z
      .array(
        z.object({
          name: z.string().nullable().meta({ description: 'Day or model id; null: from before models were noted' }),
          audio_seconds: z.int(),
          requests: z.int(),
        }),
      )
      .meta({ description: 'By name; days without use are left out' }),
    total_audio_seconds: z.int(),
    total_requests: z.int(),
  })
  .meta({ id: 'UsageReport' });
export type UsageReport = z.infer<typeof usageReport>;
