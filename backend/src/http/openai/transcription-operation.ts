import { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import { separationOutput } from '../../contract/separation.ts';
import {
  MAX_BEAM_SIZE,
  MAX_KEYWORD_LENGTH,
  MAX_KEYWORDS,
  TIMESTAMP_GRANULARITIES,
  TRANSCRIPTION_FORMATS,
  transcriptionDiarizedJson,
  transcriptionJson,
  transcriptionVerboseJson,
} from '../../contract/transcription.ts';
import { audioOperation } from './audio-operation.ts';
import { speakerFormFields } from './diarization-operation.ts';
import { jobFields } from './job-operation.ts';

const form = z
  .object({
    file: z.string().optional().meta({
      format: 'binary',
      description:
        'The audio: wav, mp3, m4a, mp4, webm, ogg, flac, mpga. Recognised by its content, never by its name.',
    }),
    model: z.string().meta({ description: 'Id or alias of a transcription model; see `GET /v1/models`' }),
    language: z.string().optional().meta({ description: 'Language spoken: ISO 639-1 or 639-3' }),
    'languages[]': z.array(z.string()).optional().meta({
      description:
        'Possible languages. One is the same as `language`; among several, each stretch of speech is in the likeliest',
    }),
    prompt: z.string().optional(),
    'keywords[]': z
      .array(z.string().max(MAX_KEYWORD_LENGTH))
      .max(MAX_KEYWORDS)
      .optional()
      .meta({ description: 'Words and phrases to expect; from models that take a prompt' }),
    response_format: z.enum(TRANSCRIPTION_FORMATS).optional().meta({ description: 'Default `json`' }),
    temperature: z.number().min(0).max(1).optional(),
    beam_size: z.int().min(1).max(MAX_BEAM_SIZE).optional().meta({
      description:
        'Beyond OpenAI: texts followed at a time in search of the likeliest, at `temperature` 0. Default 1, greedy',
    }),
    'timestamp_granularities[]': z
      .array(z.enum(TIMESTAMP_GRANULARITIES))
      .optional()
      .meta({ description: 'With `verbose_json` only; default `segment`' }),
    'include[]': z
      .array(z.enum(['logprobs']))
      .optional()
      .meta({ description: 'With `json` only, from models that give log-probabilities' }),
    stream: z.boolean().optional().meta({ description: 'Answer with server-sent events' }),
    chunking_strategy: z.string().optional().meta({ description: '`auto`, or an object of type `server_vad`' }),
    diarize: z.boolean().optional().meta({
      description: 'Beyond OpenAI: say who speaks; `diarized_json` does so by itself',
    }),
    separate_vocals: z.boolean().optional().meta({
      description: 'Beyond OpenAI: take the vocals out of the audio first, and hear them alone',
    }),
    output_format: separationOutput.optional().meta({
      description: 'With `karaoke`: of the vocals and the instrumental; default `wav` in 16 bits',
    }),
    separation_model: z
      .string()
      .optional()
      .meta({ description: 'With `separate_vocals`: id or alias; default: the first there is' }),
    diarization_model: z
      .string()
      .optional()
      .meta({ description: 'With `diarize`: id or alias; default: the first there is' }),
    ...speakerFormFields,
    ...jobFields,
  })
  .meta({ id: 'CreateTranscriptionRequest' });

/** The same, with other defaults. */
const pipelineForm = form
  .extend({
    response_format: z.enum(TRANSCRIPTION_FORMATS).optional().meta({ description: 'Default `verbose_json`' }),
    separate_vocals: z.boolean().optional().meta({ description: 'Default true' }),
    diarize: z.boolean().optional().meta({ description: 'Default true' }),
  })
  .meta({ id: 'CreatePipelineRequest' });

export const transcriptionOperation = audioOperation({
  operationId: 'createTranscription',
  summary: 'Speech to text',
  form,
  answer: {
    description: 'The transcript in the format asked for; with `stream=true` a stream of events',
    content: {
      'application/json': {
        schema: z.union([transcriptionVerboseJson, transcriptionDiarizedJson, transcriptionJson]),
      },
      'text/plain': { schema: z.string().meta({ description: 'text, srt or vtt' }) },
      'application/zip': {
        schema: z.string().meta({ format: 'binary', description: '`karaoke`: vocals, instrumental, lyrics' }),
      },
      'text/event-stream': {
        schema: z.string().meta({
          description:
            '`data:` frames: TranscriptTextDeltaEvent…, with `diarized_json` TranscriptionDiarizedSegment…, then one TranscriptTextDoneEvent, or ErrorResponse',
        }),
      },
    },
  },
});

export const pipelineOperation: ZodOpenApiOperationObject = {
  ...transcriptionOperation,
  operationId: 'createPipeline',
  summary: 'Vocals taken out, written down, and told who says what',
  requestBody: { required: true, content: { 'multipart/form-data': { schema: pipelineForm } } },
};
