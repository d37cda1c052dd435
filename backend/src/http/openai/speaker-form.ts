/** The fields that ask who speaks, of diarizations and of transcriptions alike. */
import { z } from 'zod';
import {
  DIARIZATION_MODES,
  type DiarizationParams,
  MAX_KNOWN_SPEAKERS,
  MAX_SPEAKER_NAME,
  MAX_SPEAKERS,
} from '../../contract/diarization.ts';
import { GatewayError } from '../../errors.ts';

export interface SpeakerForm {
  params: DiarizationParams;
  /** Known voices by name: with `references` those of clips, without them those that the caller has enrolled. */
  names: readonly string[];
  /** Data URLs, one for each name, or none at all. */
  references: readonly string[];
}

const count = z
  .string()
  .regex(/^\d{1,3}$/, `must be a whole number from 1 to ${MAX_SPEAKERS}`)
  .transform(Number)
  .pipe(z.int().min(1, 'must be at least 1').max(MAX_SPEAKERS, `at most ${MAX_SPEAKERS} speakers are told apart`));

const name = z
  .string()
  .trim()
  .min(1, 'a name must not be empty')
  .max(MAX_SPEAKER_NAME, `a name has at most ${MAX_SPEAKER_NAME} characters`)
  .regex(/^\P{Cc}*$/u, 'a name has no control characters');

export const speakerFields = {
  num_speakers: count.optional(),
  min_speakers: count.optional(),
  max_speakers: count.optional(),
  diarization_mode: z.enum(DIARIZATION_MODES).optional(),
  known_speaker_names: z
    .array(name)
    .max(MAX_KNOWN_SPEAKERS, `at most ${MAX_KNOWN_SPEAKERS} names are taken`)
    .default([]),
  known_speaker_references: z.array(z.string()).default([]),
};
const fields = z.object(speakerFields);

/** Fields that come as `field[]` parts, or as one bare `field`. */
export const SPEAKER_LISTS = ['known_speaker_names', 'known_speaker_references'] as const;

/** @throws invalid_value, naming the parameter */
export function toSpeakerForm(form: z.infer<typeof fields>): SpeakerForm {
  const { num_speakers: exactly, min_speakers: least, max_speakers: most } = form;
  if (exactly !== undefined && (least !== undefined || most !== undefined)) {
    throw invalid('num_speakers', 'Send `num_speakers`, or `min_speakers` and `max_speakers`, not both.');
  }
  if (least !== undefined && most !== undefined && least > most) {
    throw invalid('min_speakers', `\`min_speakers\` is ${least}, more than \`max_speakers\`, ${most}.`);
  }
  const { known_speaker_names: names, known_speaker_references: references } = form;
  if (references.length > 0 && references.length !== names.length) {
    throw invalid(
      'known_speaker_references',
      `There are ${names.length} \`known_speaker_names[]\` and ${references.length} \`known_speaker_references[]\`: send one of each for every voice, or names alone for voices that are enrolled.`,
    );
  }
  if (new Set(names).size < names.length) throw invalid('known_speaker_names', 'The same name is there twice.');
  return {
    params: {
      ...(exactly === undefined ? {} : { numSpeakers: exactly }),
      ...(least === undefined ? {} : { minSpeakers: least }),
      ...(most === undefined ? {} : { maxSpeakers: most }),
      ...(form.diarization_mode === undefined ? {} : { mode: form.diarization_mode }),
    },
    names,
    references,
  };
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_value', { message, param });
}
