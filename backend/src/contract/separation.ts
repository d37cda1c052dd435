/** `POST /v1/audio/separations`: one recording → its sources, a file each. */
import { z } from 'zod';
import { durationUsage } from './usage.ts';

export const STEMS = ['vocals', 'drums', 'bass', 'other', 'guitar', 'piano'] as const;
/** Everything but the vocals. */
export const INSTRUMENTAL = 'instrumental';
export const askedStem = z.enum([...STEMS, INSTRUMENTAL]);
export type AskedStem = z.infer<typeof askedStem>;

/** `wav` has 16 bits, `wav_float` 32-bit floats. */
export const SEPARATION_OUTPUTS = ['wav', 'wav_24', 'wav_float', 'flac', 'mp3', 'opus'] as const;
export const separationOutput = z.enum(SEPARATION_OUTPUTS);
export type SeparationOutput = z.infer<typeof separationOutput>;

/** What a stem's file is called behind its name, and what is in it. */
export const STEM_FILES: Readonly<Record<SeparationOutput, { suffix: string; contentType: string }>> = {
  wav: { suffix: 'wav', contentType: 'audio/wav' },
  wav_24: { suffix: 'wav', contentType: 'audio/wav' },
  wav_float: { suffix: 'wav', contentType: 'audio/wav' },
  flac: { suffix: 'flac', contentType: 'audio/flac' },
  mp3: { suffix: 'mp3', contentType: 'audio/mpeg' },
  opus: { suffix: 'opus', contentType: 'audio/ogg' },
};

export function stemFile(stem: AskedStem, output: SeparationOutput): string {
  return `${stem}.${STEM_FILES[output].suffix}`;
}

export const SEPARATION_FORMATS = ['json', 'zip'] as const;
/** Each shift is another pass over all of the audio. */
export const MAX_SHIFTS = 10;

/** What a pipeline gets to know of the request. */
export const separationParams = z.object({
  stems: z.array(askedStem).min(1),
  output: separationOutput,
  /** Passes at random offsets, which are averaged; 0: one pass at none. */
  shifts: z.int().min(0).max(MAX_SHIFTS),
});
export type SeparationParams = z.infer<typeof separationParams>;

export const separatedStem = z
  .object({
    stem: askedStem,
    peak_dbfs: z.number().nullable().meta({ description: 'Of the samples, before encoding; null for silence' }),
    loudness_lufs: z.number().nullable().meta({ description: 'Integrated, ITU-R BS.1770-4; null for silence' }),
    clipped_samples: z.int().meta({ description: 'Beyond full scale: cut off in every format but `wav_float`' }),
  })
  .meta({ id: 'SeparatedStem' });
export type SeparatedStem = z.infer<typeof separatedStem>;

/** What a pipeline returns; the files are in the folder it was given, each named as its stem with the format's suffix. */
export interface SeparationResult {
  /** Length of the decoded audio in seconds. */
  duration: number;
  sample_rate: number;
  stems: (SeparatedStem & { file: string })[];
  /** Power of what the stems together lack of the mix, relative to the mix; null where not all of them were made. */
  residual_db: number | null;
}

/** Work done, as a share from 0 to 1. */
export interface SeparationEvent {
  type: 'progress';
  stage: 'decoding' | 'separation';
  done: number;
}

export const separationJson = z
  .object({
    id: z.string().meta({ description: 'Of the job that the files belong to' }),
    object: z.literal('separation'),
    model: z.string(),
    duration: z.number(),
    sample_rate: z.int(),
    stems: z.array(
      separatedStem.extend({
        url: z.string().meta({ description: 'Path on this server' }),
        content_type: z.string(),
        bytes: z.int(),
      }),
    ),
    residual_db: z.number().nullable().meta({
      description: 'Of what all stems together lack of the mix, relative to it; null where not all were asked for',
    }),
    usage: durationUsage,
  })
  .meta({ id: 'CreateSeparationResponse' });
