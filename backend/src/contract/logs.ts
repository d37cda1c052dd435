/** Lines of the gateway's own log, as operators' pages show them. */
import { z } from 'zod';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export const logLevel = z.enum(LOG_LEVELS);
export type LogLevel = z.infer<typeof logLevel>;

export const logLine = z
  .object({
    seq: z.int().meta({ description: 'Grows; for `before`' }),
    at: z.iso.datetime(),
    level: logLevel,
    message: z.string(),
    request_id: z.string().nullable(),
    fields: z.record(z.string(), z.json()).meta({ description: 'What else the line tells; secrets are redacted' }),
  })
  .meta({ id: 'LogLine' });
export type LogLine = z.infer<typeof logLine>;
