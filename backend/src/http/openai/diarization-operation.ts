import { z } from 'zod';
import {
  DIARIZATION_FORMATS,
  DIARIZATION_MODES,
  diarizationJson,
  diarizationVerboseJson,
  MAX_KNOWN_SPEAKERS,
  MAX_SPEAKERS,
} from '../../contract/diarization.ts';
import { audioOperation } from './audio-operation.ts';
import { jobFields } from './job-operation.ts';

const speakers = () => z.int().min(1).max(MAX_SPEAKERS).optional();

/** Of transcriptions with speakers too. */
export const speakerFormFields = {
  num_speakers: speakers().meta({ description: 'Exactly so many voices' }),
  min_speakers: speakers(),
  max_speakers: speakers(),
  diarization_mode: z.enum(DIARIZATION_MODES).optional().meta({
    description: 'Default `exact`; `fast` looks at fewer, less overlapping windows, without their pauses',
  }),
  'known_speaker_names[]': z.array(z.string()).max(MAX_KNOWN_SPEAKERS).optional().meta({
    description: 'Names for voices: of `known_speaker_references[]`, or of speakers that are enrolled (`/v1/speakers`)',
  }),
  'known_speaker_references[]': z
    .array(z.string())
    .max(MAX_KNOWN_SPEAKERS)
    .optional()
    .meta({ description: 'A clip of each, 2 to 10 s, as data URLs; one for each name' }),
};

const form = z
  .object({
    file: z.string().optional().meta({ format: 'binary', description: 'The audio' }),
    model: z
      .string()
      .optional()
      .meta({ description: 'Id or alias of a diarization model; default: the first there is' }),
    response_format: z.enum(DIARIZATION_FORMATS).optional().meta({ description: 'Default `json`' }),
    mode: z.enum(DIARIZATION_MODES).optional().meta({ description: 'The same as `diarization_mode`' }),
    ...speakerFormFields,
    ...jobFields,
  })
  .meta({ id: 'CreateDiarizationRequest' });

export const diarizationOperation = audioOperation({
  operationId: 'createDiarization',
  summary: 'Who spoke when',
  form,
  answer: {
    description: 'The turns in the format asked for',
    content: {
      'application/json': { schema: z.union([diarizationVerboseJson, diarizationJson]) },
      'text/plain': { schema: z.string().meta({ description: 'rttm, srt or vtt' }) },
    },
  },
});
