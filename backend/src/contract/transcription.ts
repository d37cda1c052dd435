/** `POST /v1/audio/transcriptions`: the request's fields after parsing, and every shape an answer can take. */
import { z } from 'zod';
import { diarizationRequest, heardSpeaker, type SpeakerTurn } from './diarization.ts';
import { separationOutput } from './separation.ts';
import { durationUsage } from './usage.ts';

export const RESPONSE_FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt'] as const;
/** Of transcriptions alone. */
export const TRANSCRIPTION_FORMATS = [...RESPONSE_FORMATS, 'diarized_json', 'karaoke'] as const;
export const TIMESTAMP_GRANULARITIES = ['word', 'segment'] as const;

export const chunkingStrategy = z.union([
  z.literal('auto'),
  z.object({
    type: z.literal('server_vad'),
    prefix_padding_ms: z.coerce.number().int().min(0).max(10_000).default(300),
    silence_duration_ms: z.coerce.number().int().min(0).max(10_000).default(200),
    threshold: z.coerce.number().min(0).max(1).default(0.5),
  }),
]);

/** Most words to expect, and most characters of one. */
export const MAX_KEYWORDS = 100;
export const MAX_KEYWORD_LENGTH = 100;
/** Each beam costs as much memory and time as a window of its own. */
export const MAX_BEAM_SIZE = 10;

/** What a pipeline gets to know of the request. */
export const transcriptionParams = z.object({
  /** `translate` writes English, whatever is spoken. Default `transcribe`. */
  task: z.enum(['transcribe', 'translate']).optional(),
  /** Language of the speech: ISO 639-1 (or 639-3 where there is no two-letter code), lower case. */
  language: z.string().optional(),
  /** Possible languages, when `language` is not given. One is that one; among several it may change within the audio. */
  languages: z.array(z.string()).optional(),
  prompt: z.string().optional(),
  /** Words and phrases to expect. */
  keywords: z.array(z.string()).optional(),
  temperature: z.number().min(0).max(1),
  /** Beams of the search for the likeliest text, from 2 on; left out: greedy. */
  beamSize: z.int().optional(),
  chunking: chunkingStrategy.optional(),
  /** Word times are wanted in the result. */
  words: z.boolean(),
  /** The tokens' log-probabilities are wanted in the result. */
  logprobs: z.boolean().optional(),
  /** The vocals are taken out of the audio first, and only they are heard. A pipeline is not told: another model does that. */
  separate: z
    .object({
      model: z.string(),
      /** The vocals and the instrumental are to be left too, as such files. */
      karaoke: separationOutput.optional(),
    })
    .optional(),
  /** Who speaks is wanted too. A pipeline is not told: another model hears that. */
  diarize: diarizationRequest.optional(),
});
export type TranscriptionParams = z.infer<typeof transcriptionParams>;

export const transcriptWord = z
  .object({
    word: z.string(),
    start: z.number(),
    end: z.number(),
    speaker: z.string().optional().meta({ description: 'Beyond OpenAI: with `diarize=true`' }),
  })
  .meta({ id: 'TranscriptionWord' });
export type TranscriptWord = z.infer<typeof transcriptWord>;

export const transcriptSegment = z
  .object({
    id: z.int(),
    seek: z.int(),
    /** Seconds from the start of the file. */
    start: z.number(),
    end: z.number(),
    /** With a leading space, as Whisper writes it. */
    text: z.string(),
    tokens: z.array(z.int()),
    temperature: z.number(),
    avg_logprob: z.number(),
    compression_ratio: z.number(),
    no_speech_prob: z.number(),
    language: z
      .string()
      .optional()
      .meta({ description: 'Beyond OpenAI: of this segment, where several `languages[]` are possible' }),
    speaker: z.string().optional().meta({ description: 'Beyond OpenAI: with `diarize=true`, who says most of it' }),
    risk: z
      .array(z.string())
      .optional()
      .meta({ description: 'Beyond OpenAI: why the text may be made up, for example `repetition` or `vad_mismatch`' }),
  })
  .meta({ id: 'TranscriptionSegment' });
export type TranscriptSegment = z.infer<typeof transcriptSegment>;

export const tokenLogprob = z
  .object({
    token: z.string(),
    /** Natural logarithm. */
    logprob: z.number(),
    /** UTF-8; a token may hold part of a character. */
    bytes: z.array(z.int()),
  })
  .meta({ id: 'TokenLogprob' });
export type TokenLogprob = z.infer<typeof tokenLogprob>;

/** Text a model wrote that is not part of the transcript, and why. */
export const suppressedSegment = z
  .object({
    start: z.number(),
    end: z.number(),
    text: z.string(),
    reason: z.enum(['no_speech', 'zero_length']),
    temperature: z.number(),
    avg_logprob: z.number(),
    compression_ratio: z.number(),
    no_speech_prob: z.number(),
  })
  .meta({ id: 'SuppressedSegment' });
export type SuppressedSegment = z.infer<typeof suppressedSegment>;

/** What a transcription pipeline returns: everything any response format needs. Times in seconds. */
export interface TranscriptionResult {
  text: string;
  /** ISO 639-1 code of the language spoken. */
  language: string;
  /** Length of the decoded audio in seconds. */
  duration: number;
  segments: TranscriptSegment[];
  words: TranscriptWord[];
  /** Of the text's tokens, when they were asked for. */
  logprobs?: TokenLogprob[];
  /** Codes of the languages heard, in order of appearance, when the request named possible ones. */
  languages?: string[];
  /** Beyond OpenAI: what the model wrote where it heard no speech. */
  suppressed_segments?: SuppressedSegment[];
  /** When it was asked for. */
  diarization?: TranscriptDiarization;
}

/** What one speaker says in one go; a segment in which the speaker changes is several. */
export interface Utterance {
  start: number;
  end: number;
  /** With the space before it: all of them joined are the transcript's segments joined. */
  text: string;
  speaker: string;
}

export interface TranscriptDiarization {
  speakers: z.infer<typeof heardSpeaker>[];
  turns: SpeakerTurn[];
  utterances: Utterance[];
}

/** What one window of the audio added to the transcript. Times in seconds from the start of the file. */
export const transcriptWindow = z.object({
  index: z.int().nonnegative(),
  start: z.number(),
  end: z.number(),
  language: z.string(),
  segments: z.array(transcriptSegment),
  words: z.array(transcriptWord),
  suppressed: z.array(suppressedSegment),
  /** When they were asked for. */
  logprobs: z.array(tokenLogprob).optional(),
});
export type TranscriptWindow = z.infer<typeof transcriptWindow>;

/** What a run that was interrupted left: its windows in order, and what came with the last of them. Plain JSON. */
export interface TranscriptionCheckpoint {
  windows: readonly TranscriptWindow[];
  position: unknown;
}

/**
 * What a transcription pipeline may emit while it runs. The deltas concatenated are the result's text. Windows come in
 * order, and only from runs that may be resumed; index 0 in the middle says that the run had to begin anew.
 */
export type TranscriptionEvent =
  | { type: 'delta'; delta: string }
  | { type: 'window'; window: TranscriptWindow; position: unknown };

const heardLanguages = z
  .array(z.object({ code: z.string() }))
  .optional()
  .meta({ description: 'With `languages[]`, from models that tell them apart: those heard; none in silence' });

export const transcriptionJson = z
  .object({
    text: z.string(),
    languages: heardLanguages,
    logprobs: z.array(tokenLogprob).optional().meta({ description: 'With `include[]=logprobs`' }),
    usage: durationUsage,
  })
  .meta({ id: 'CreateTranscriptionResponseJson' });

/** `response_format=diarized_json`. */
export const diarizedSegment = z
  .object({
    type: z.literal('transcript.text.segment'),
    id: z.string(),
    start: z.number(),
    end: z.number(),
    text: z.string(),
    speaker: z.string(),
  })
  .meta({ id: 'TranscriptionDiarizedSegment' });

export const transcriptionDiarizedJson = z
  .object({
    task: z.literal('transcribe'),
    duration: z.number(),
    text: z.string().meta({ description: 'One line, `speaker: what is said`, for each change of speaker' }),
    segments: z.array(diarizedSegment),
    usage: durationUsage,
  })
  .meta({ id: 'CreateTranscriptionResponseDiarizedJson' });

export const transcriptionVerboseJson = z
  .object({
    task: z.literal('transcribe'),
    language: z.string().meta({ description: 'Lower-case English name of the language, for example `english`' }),
    duration: z.number(),
    text: z.string(),
    segments: z.array(transcriptSegment).optional(),
    words: z.array(transcriptWord).optional(),
    speakers: z.array(heardSpeaker).optional().meta({ description: 'Beyond OpenAI: with `diarize=true`' }),
    suppressed_segments: z
      .array(suppressedSegment)
      .optional()
      .meta({ description: 'Beyond OpenAI: text left out of the transcript, with the reason' }),
    usage: durationUsage,
  })
  .meta({ id: 'CreateTranscriptionResponseVerboseJson' });

/** `POST /v1/audio/translations`: no usage and no words, as OpenAI has it. */
export const translationJson = z.object({ text: z.string() }).meta({ id: 'CreateTranslationResponseJson' });

export const translationVerboseJson = z
  .object({
    task: z.literal('translate'),
    language: z.literal('english').meta({ description: 'Of the text' }),
    duration: z.number(),
    text: z.string(),
    segments: z.array(transcriptSegment),
    suppressed_segments: z.array(suppressedSegment).optional(),
  })
  .meta({ id: 'CreateTranslationResponseVerboseJson' });

export const transcriptTextDelta = z
  .object({ type: z.literal('transcript.text.delta'), delta: z.string() })
  .meta({ id: 'TranscriptTextDeltaEvent' });
export const transcriptTextDone = z
  .object({
    type: z.literal('transcript.text.done'),
    text: z.string(),
    languages: heardLanguages,
    logprobs: z.array(tokenLogprob).optional(),
  })
  .meta({ id: 'TranscriptTextDoneEvent' });
