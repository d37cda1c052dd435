import { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import {
  MAX_BEAM_SIZE,
  RESPONSE_FORMATS,
  translationJson,
  translationVerboseJson,
} from '../../contract/transcription.ts';
import { errorResponses } from '../error-responses.ts';
import { jobFields, jobHeaders, jobResponses } from './job-operation.ts';

const form = z
  .object({
    file: z.string().optional().meta({ format: 'binary', description: 'The audio, in any language the model knows' }),
    model: z.string().meta({ description: 'Id or alias of a model that translates' }),
    prompt: z.string().optional().meta({ description: 'In English' }),
    response_format: z.enum(RESPONSE_FORMATS).optional().meta({ description: 'Default `json`' }),
    temperature: z.number().min(0).max(1).optional(),
    beam_size: z
      .int()
      .min(1)
      .max(MAX_BEAM_SIZE)
      .optional()
      .meta({ description: 'Beyond OpenAI; as of transcriptions' }),
    ...jobFields,
  })
  .meta({ id: 'CreateTranslationRequest' });

export const translationOperation: ZodOpenApiOperationObject = {
  operationId: 'createTranslation',
  summary: 'Speech to English text',
  tags: ['Audio'],
  security: [{ bearer: [] }],
  requestParams: { header: jobHeaders },
  requestBody: { required: true, content: { 'multipart/form-data': { schema: form } } },
  responses: {
    '200': {
      description: 'The English text in the format asked for',
      content: {
        'application/json': { schema: z.union([translationVerboseJson, translationJson]) },
        'text/plain': { schema: z.string().meta({ description: 'text, srt or vtt' }) },
      },
    },
    ...jobResponses,
    ...errorResponses(400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504, 507),
  },
};
