/** What OpenAPI says of the part that every audio request shares: its audio's address, and being a job. */
import { z } from 'zod';
import type { ZodOpenApiResponsesObject } from 'zod-openapi';
import { job } from '../../contract/jobs.ts';

export const jobFields = {
  url: z
    .string()
    .optional()
    .meta({ description: 'Beyond OpenAI, instead of `file`: where to fetch the audio (http or https, public hosts)' }),
  background: z
    .boolean()
    .optional()
    .meta({ description: 'Beyond OpenAI: answer with a job, as `Prefer: respond-async`' }),
  metadata: z
    .string()
    .optional()
    .meta({ description: 'Of a job: a JSON object of at most 16 strings, kept with it and given back' }),
  webhook_url: z.string().optional().meta({ description: 'Of a job: told when it is over' }),
  priority: z.int().min(-100).max(100).optional().meta({ description: 'Of a job: higher ones first; default 0' }),
  keep_alive: z.string().optional().meta({
    description:
      'Beyond OpenAI: how long the model stays loaded after this request: seconds or `5m`; 0: not at all; -1: for ever',
  }),
  gpu_device_ids: z
    .string()
    .optional()
    .meta({ description: 'Beyond OpenAI, with an admin key: run on one of these devices (`0,2`, UUIDs, `cpu`)' }),
  cache: z.boolean().optional().meta({
    description: 'false: compute it anew, though the result of an equal job is there. As `Cache-Control: no-cache`',
  }),
};

export const jobHeaders = z.object({
  prefer: z.string().optional().meta({ description: '`respond-async`: answer with a job' }),
  'idempotency-key': z
    .string()
    .max(255)
    .optional()
    .meta({ description: 'With a job: the same key and request within 24 hours give the same job' }),
});

export const jobResponses: ZodOpenApiResponsesObject = {
  '202': {
    description: 'The job; it is durable now',
    headers: z.object({ location: z.string() }),
    content: { 'application/json': { schema: job } },
  },
};
