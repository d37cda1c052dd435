import { z } from 'zod';

const check = z.object({ ok: z.boolean(), reason: z.string().nullable() });

export const health = z
  .object({
    status: z.enum(['ok', 'unavailable']),
    version: z.string(),
    uptime_seconds: z.number(),
    checks: z.record(z.string(), check),
  })
  .meta({ id: 'Health' });
export type Health = z.infer<typeof health>;

export const live = z.object({ status: z.literal('ok') }).meta({ id: 'Live' });
