/** Transcriptions and translations as jobs: from the stored request to the files it leaves. */
import { join } from 'node:path';
import { z } from 'zod';
import { stemFile } from '../contract/separation.ts';
import {
  TIMESTAMP_GRANULARITIES,
  TRANSCRIPTION_FORMATS,
  type TranscriptionParams,
  type TranscriptionResult,
  type TranscriptWindow,
  transcriptionParams,
  transcriptWindow,
} from '../contract/transcription.ts';
import type { JobHandler, OutcomeFile } from '../jobs/job-handler.ts';
import { lyricLines, toLrc, toLyricsVtt } from '../text/lyrics.ts';
import { toSrt, toVtt } from '../text/subtitles.ts';
import type { AudioWork } from './audio-jobs.ts';
import { BACKGROUND, PCM_FILE, STEMS_FOLDER } from './background-work.ts';
import { collectStages, type MadeStages, STAGES } from './made-stages.ts';
import { outcomeOrigin } from './outcome-origin.ts';
import { stemOutcome } from './separation-job.ts';
import type { FindStage } from './stage-results.ts';
import { timeStages } from './time-stages.ts';
import { stemsToSeparate, type TranscriptionService } from './transcription.ts';

/** What a job keeps of the request. */
export const transcriptionRequest = z.object({
  format: z.enum(TRANSCRIPTION_FORMATS),
  granularities: z.array(z.enum(TIMESTAMP_GRANULARITIES)),
  params: transcriptionParams,
});
export type TranscriptionRequest = z.infer<typeof transcriptionRequest>;

/** Ids of those that it takes beside the one that transcribes. */
export function modelsOfTranscription({ params: { diarize, separate } }: TranscriptionRequest): string[] {
  return [diarize?.model, separate?.model].filter((model) => model !== undefined);
}

export interface TranscriptionJobOptions {
  service: TranscriptionService;
  findStage: FindStage;
  work: AudioWork<TranscriptionRequest, unknown>;
}

export function createTranscriptionJob({ service, findStage, work }: TranscriptionJobOptions): JobHandler {
  return async ({ job, inputPath, workDir, checkpoint, signal, placed, saveWindow, enterStage }) => {
    const request = transcriptionRequest.parse(job.request);
    const { params } = request;
    const stages = timeStages(firstStage(params), enterStage);
    const stemsDir = join(workDir, STEMS_FOLDER);
    const from = checkpoint && {
      windows: z.array(transcriptWindow).parse(checkpoint.windows),
      position: checkpoint.position,
    };
    const made = collectStages(job, findStage, stages.skip);
    const result = await service.transcribe({
      model: job.model,
      audioPath: inputPath,
      params,
      signal,
      unlimited: true,
      use: { tenant: job.owner, priority: BACKGROUND, onPlaced: placed },
      resume: { pcmPath: join(workDir, PCM_FILE), from },
      stemsDir,
      ...(made && { reuse: made.reuse }),
      onStage: stages.enter,
      onEvent: (event) => {
        if (event.type === 'window') saveWindow(finished(event.window, event.position));
      },
    });
    const origin = await outcomeOrigin(work, { job, request, stages });
    return {
      result,
      // Where there is one stage after the separation, the result is its.
      stageKey: params.diarize === undefined ? made?.keyOf('transcription') : undefined,
      files: [
        ...textFiles(result),
        ...stemFiles(params, stemsDir, made),
        ...lyricsFiles(params, result),
        ...(made?.files(params.diarize === undefined ? ['separation'] : STAGES) ?? []),
      ],
      audioSeconds: result.duration,
      ...origin,
    };
  };
}

function firstStage({ task, separate }: TranscriptionParams): string {
  if (separate !== undefined) return 'decoding';
  return task === 'translate' ? 'translation' : 'transcription';
}

function finished(window: TranscriptWindow, position: unknown) {
  const segments = window.segments.map(({ start, end, text }) => ({ start, end, text }));
  return { index: window.index, window, position, end: window.end, segments };
}

function textFiles({ text, segments, diarization }: TranscriptionResult) {
  const cues = diarization?.utterances ?? segments;
  return [
    { name: 'transcript.txt', contentType: 'text/plain; charset=utf-8', content: `${text}\n` },
    { name: 'transcript.srt', contentType: 'application/x-subrip; charset=utf-8', content: toSrt(cues) },
    { name: 'transcript.vtt', contentType: 'text/vtt; charset=utf-8', content: toVtt(cues) },
  ];
}

/** What was separated, for whoever asks for it, and for later jobs. */
function stemFiles({ separate }: TranscriptionParams, stemsDir: string, made: MadeStages | undefined): OutcomeFile[] {
  if (separate === undefined) return [];
  const { stems, output } = stemsToSeparate(separate);
  return stems.map((stem) => stemOutcome(stem, { output, folder: stemsDir, stageKey: made?.keyOf(stem) }));
}

/** None where nobody asked for them. */
function lyricsFiles({ separate }: TranscriptionParams, { segments, words }: TranscriptionResult): OutcomeFile[] {
  if (separate?.karaoke === undefined) return [];
  const lines = lyricLines(segments, words);
  return [
    { name: LYRICS.lrc, contentType: 'text/plain; charset=utf-8', content: toLrc(lines) },
    { name: LYRICS.vtt, contentType: 'text/vtt; charset=utf-8', content: toLyricsVtt(lines) },
  ];
}

const LYRICS = { lrc: 'lyrics.lrc', vtt: 'lyrics.vtt' };

/** Names of the files that are one bundle: those of the stems and of the words. */
export function karaokeBundle({ separate }: TranscriptionParams): string[] {
  if (separate?.karaoke === undefined) return [];
  const { stems, output } = stemsToSeparate(separate);
  return [...stems.map((stem) => stemFile(stem, output)), ...Object.values(LYRICS)];
}
