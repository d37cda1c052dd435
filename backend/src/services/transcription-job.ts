/** Transcriptions and translations as jobs: from the stored request to the files it leaves. */
import { join } from 'node:path';
import { z } from 'zod';
import {
  TIMESTAMP_GRANULARITIES,
  TRANSCRIPTION_FORMATS,
  type TranscriptionParams,
  type TranscriptionResult,
  type TranscriptWindow,
  transcriptionParams,
  transcriptWindow,
} from '../contract/transcription.ts';
import type { JobHandler } from '../jobs/job-handler.ts';
import { toSrt, toVtt } from '../text/subtitles.ts';
import { type AudioWork, keyOfResult } from './audio-jobs.ts';
import { BACKGROUND, PCM_FILE } from './background-work.ts';
import { timeStages } from './time-stages.ts';
import type { TranscriptionService } from './transcription.ts';

/** What a job keeps of the request. */
export const transcriptionRequest = z.object({
  format: z.enum(TRANSCRIPTION_FORMATS),
  granularities: z.array(z.enum(TIMESTAMP_GRANULARITIES)),
  params: transcriptionParams,
});
export type TranscriptionRequest = z.infer<typeof transcriptionRequest>;

export interface TranscriptionJobOptions {
  service: TranscriptionService;
  work: AudioWork<TranscriptionRequest, unknown>;
}

export function createTranscriptionJob({ service, work }: TranscriptionJobOptions): JobHandler {
  return async ({ job, inputPath, workDir, checkpoint, signal, placed, saveWindow, enterStage }) => {
    const request = transcriptionRequest.parse(job.request);
    const { params } = request;
    const stages = timeStages(firstStage(params), enterStage);
    const from = checkpoint && {
      windows: z.array(transcriptWindow).parse(checkpoint.windows),
      position: checkpoint.position,
    };
    const result = await service.transcribe({
      model: job.model,
      audioPath: inputPath,
      params,
      signal,
      unlimited: true,
      use: { tenant: job.owner, priority: BACKGROUND, onPlaced: placed },
      resume: { pcmPath: join(workDir, PCM_FILE), from },
      onStage: stages.enter,
      onEvent: (event) => {
        if (event.type === 'window') saveWindow(finished(event.window, event.position));
      },
    });
    const [model, ...others] = (await work.identify(job.model, request)) ?? [];
    const timed = stages.end(model?.device ?? 'unknown');
    return {
      result,
      files: textFiles(result),
      audioSeconds: result.duration,
      requestKey:
        job.input_sha256 === null
          ? undefined
          : await keyOfResult(work, job.owner, { model: job.model, request, inputSha256: job.input_sha256 }),
      provenance: {
        model: { ...(model ?? { id: job.model }) },
        ...(others.length > 0 ? { further_models: others.map((other) => ({ ...other })) } : {}),
        stages: timed,
      },
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
