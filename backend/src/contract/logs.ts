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

const MAX_LINES = 500;
export const logQuery = z.object({
  request_id: z.string().max(100).optional(),
  level: logLevel.optional().meta({ description: 'It, or worse' }),
  q: z.string().max(200).optional().meta({ description: 'Anywhere in the line, whatever the case' }),
  before: z.coerce.number<string>().int().min(1).optional().meta({ description: '`seq`: lines older than that one' }),
  limit: z.coerce.number<string>().int().min(1).max(MAX_LINES).optional().meta({ description: 'Default 100' }),
});

export const logLineList = z
  .object({
    object: z.literal('list'),
    data: z.array(logLine).meta({ description: 'Newest first, of the last 5000 since the start' }),
    has_more: z.boolean(),
  })
  .meta({ id: 'LogLineList' });
