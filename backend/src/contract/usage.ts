/** What a request is billed for. */
import { z } from 'zod';

export const durationUsage = z
  .object({ type: z.literal('duration'), seconds: z.int().meta({ description: 'Billed seconds, rounded up' }) })
  .meta({ id: 'DurationUsage' });
