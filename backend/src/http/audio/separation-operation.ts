import { z } from 'zod';
import {
  askedStem,
  MAX_SHIFTS,
  SEPARATION_FORMATS,
  separationJson,
  separationOutput,
} from '../../contract/separation.ts';
import { audioOperation } from '../openai/audio-operation.ts';
import { jobFields } from '../openai/job-operation.ts';

const { keep_alive: _, gpu_device_ids: __, ...fieldsOfJobs } = jobFields;

const form = z
  .object({
    file: z.string().optional().meta({ format: 'binary', description: 'The recording' }),
    model: z
      .string()
      .optional()
      .meta({ description: 'Id or alias of a separation model; default: the first there is' }),
    'stems[]': z.array(askedStem).optional().meta({
      description: 'What to take out; `instrumental` is everything but the vocals. Default: all that the model has',
    }),
    response_format: z.enum(SEPARATION_FORMATS).optional().meta({ description: 'Default `json`, with addresses' }),
    output_format: separationOutput.optional().meta({ description: 'Of the files; default `wav` in 16 bits' }),
    shifts: z.int().min(0).max(MAX_SHIFTS).optional().meta({
      description: 'Passes over the audio at random offsets, averaged; default 0: one at none',
    }),
    ...fieldsOfJobs,
  })
  .meta({ id: 'CreateSeparationRequest' });

export const separationOperation = audioOperation({
  operationId: 'createSeparation',
  summary: 'One recording → its sources',
  form,
  answer: {
    description: 'The stems',
    content: {
      'application/json': { schema: separationJson },
      'application/zip': { schema: z.string().meta({ format: 'binary', description: 'A file for each stem' }) },
    },
  },
});
