/** Known voices: what an owner enrolled, so that diarizations call them by name. */
import { z } from 'zod';
import { MAX_SPEAKER_NAME } from './diarization.ts';
import { pageOf, pageQuery } from './page.ts';

export const MAX_CLIPS = 10;
export const MAX_EXPIRY_DAYS = 3650;

/** As it is kept and compared. It stands in lines of text, so it has no line breaks and no control characters. */
export const speakerName = z
  .string()
  .trim()
  .normalize('NFC')
  .min(1, 'must not be empty')
  .max(MAX_SPEAKER_NAME, `must have at most ${MAX_SPEAKER_NAME} characters`)
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'must not have control characters');

/** Unix seconds. */
const moment = z.int();

export const speaker = z
  .object({
    id: z.string().meta({ description: '`spk_…`' }),
    object: z.literal('speaker'),
    name: z.string(),
    model: z.string().meta({ description: 'Of diarization: the only one that knows the voice' }),
    clips: z.int().meta({ description: 'It was enrolled with so many' }),
    seconds: z.number().meta({ description: 'Of speech in them' }),
    consent: z.literal(true).meta({ description: 'Whoever enrolled the voice said that its owner agreed' }),
    created_at: moment,
    expires_at: moment.nullable().meta({ description: 'null: not before it is deleted' }),
  })
  .meta({ id: 'Speaker' });
export type Speaker = z.infer<typeof speaker>;

export const speakerList = pageOf(speaker).meta({ id: 'SpeakerList' });

export const deletedSpeaker = z.object({ id: z.string(), object: z.literal('speaker'), deleted: z.literal(true) });

/** Of a query string, so everything is text. */
export const speakerQuery = z.object({
  ...pageQuery,
});

/** The text fields of an enrolment. */
export const enrolmentFields = z.object({
  name: speakerName,
  expires_after_days: z
    .string()
    .regex(/^\d{1,4}$/, `must be a whole number from 1 to ${MAX_EXPIRY_DAYS}`)
    .transform(Number)
    .pipe(z.int().min(1).max(MAX_EXPIRY_DAYS))
    .optional(),
  model: z.string().trim().min(1).optional(),
});
