/** Who spoke when: `POST /v1/audio/diarizations`, and what transcriptions know of speakers. Times in seconds from the file's start. */
import { z } from 'zod';
import { durationUsage } from './usage.ts';

export const DIARIZATION_FORMATS = ['json', 'verbose_json', 'rttm', 'srt', 'vtt'] as const;
/** `fast` looks at fewer, less overlapping windows, without their pauses. */
export const DIARIZATION_MODES = ['exact', 'fast'] as const;

/** Most voices told apart. */
export const MAX_SPEAKERS = 20;
/** Most known voices that a request may name; OpenAI's limit is 4. */
export const MAX_KNOWN_SPEAKERS = 20;
export const MAX_SPEAKER_NAME = 64;

/** A voice as its model hears it: comparable with those of the same model alone. */
export const voiceprint = z.array(z.number()).min(1).max(4096);

export const knownSpeaker = z.object({ name: z.string(), voiceprint });
export type KnownSpeaker = z.infer<typeof knownSpeaker>;

/** What a pipeline gets to know of the request. */
export const diarizationParams = z.object({
  /** Exactly so many. */
  numSpeakers: z.int().min(1).max(MAX_SPEAKERS).optional(),
  minSpeakers: z.int().min(1).max(MAX_SPEAKERS).optional(),
  maxSpeakers: z.int().min(1).max(MAX_SPEAKERS).optional(),
  mode: z.enum(DIARIZATION_MODES).optional(),
});
export type DiarizationParams = z.infer<typeof diarizationParams>;

/** As a part of a request for something else, or as a request of its own. */
export const diarizationRequest = z.object({
  /** Id of the model. */
  model: z.string(),
  params: diarizationParams,
  known: z.array(knownSpeaker),
});
export type DiarizationRequest = z.infer<typeof diarizationRequest>;

export const speakerTurn = z
  .object({
    start: z.number(),
    end: z.number(),
    speaker: z.string().meta({ description: '`A`, `B`, … in order of appearance, or the name of a known voice' }),
    confidence: z.number().meta({ description: 'From 0 to 1: how sure it is that this voice speaks here' }),
  })
  .meta({ id: 'SpeakerTurn' });
export type SpeakerTurn = z.infer<typeof speakerTurn>;

export const heardSpeaker = z
  .object({
    speaker: z.string(),
    seconds: z.number().meta({ description: 'Of speech, overlaps included' }),
    known: z.boolean().meta({ description: 'The voice is one of those named in the request' }),
    confidence: z
      .number()
      .nullable()
      .meta({ description: 'Of a known voice: cosine similarity, from −1 to 1, to the one enrolled' }),
  })
  .meta({ id: 'HeardSpeaker' });
export type HeardSpeaker = z.infer<typeof heardSpeaker>;

/** What a pipeline returns; speakers have names of its own, callers get others. */
export interface Diarization {
  /** Length of the decoded audio in seconds. */
  duration: number;
  /** By start; those of several speakers may overlap. */
  turns: SpeakerTurn[];
  /** The same with one speaker at a time at most. */
  exclusive: SpeakerTurn[];
  /** In order of appearance. */
  speakers: { speaker: string; seconds: number; voiceprint: number[] }[];
}

/** What callers get: known voices by their names, and no voiceprints. */
export interface DiarizationResult extends Omit<Diarization, 'speakers'> {
  speakers: HeardSpeaker[];
}

/** Work done, as a share of the stage's whole from 0 to 1. */
export interface DiarizationEvent {
  type: 'progress';
  stage: 'decoding' | 'segmentation' | 'embedding' | 'clustering';
  done: number;
}

export const diarizationJson = z
  .object({
    duration: z.number(),
    speakers: z.array(heardSpeaker),
    segments: z.array(speakerTurn).meta({ description: 'Turns, one speaker each; they may overlap' }),
    usage: durationUsage,
  })
  .meta({ id: 'CreateDiarizationResponseJson' });

export const diarizationVerboseJson = diarizationJson
  .extend({
    task: z.literal('diarize'),
    exclusive_segments: z.array(speakerTurn).meta({ description: 'The same with one speaker at a time at most' }),
  })
  .meta({ id: 'CreateDiarizationResponseVerboseJson' });
