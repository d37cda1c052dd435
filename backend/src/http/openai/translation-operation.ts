import { z } from 'zod';
import {
  MAX_BEAM_SIZE,
  RESPONSE_FORMATS,
  translationJson,
  translationVerboseJson,
} from '../../contract/transcription.ts';
import { audioOperation } from './audio-operation.ts';
import { jobFields } from './job-operation.ts';

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

export const translationOperation = audioOperation({
  operationId: 'createTranslation',
  summary: 'Speech to English text',
  form,
  answer: {
    description: 'The English text in the format asked for',
    content: {
      'application/json': { schema: z.union([translationVerboseJson, translationJson]) },
      'text/plain': { schema: z.string().meta({ description: 'text, srt or vtt' }) },
    },
  },
});
