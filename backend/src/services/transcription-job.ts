/** Transcriptions and translations as jobs: from the stored request to the files it leaves. */
import { join } from 'node:path';
import { z } from 'zod';
import {
  RESPONSE_FORMATS,
  TIMESTAMP_GRANULARITIES,
  type TranscriptionResult,
  type TranscriptWindow,
  transcriptionParams,
  transcriptWindow,
} from '../contract/transcription.ts';
import type { JobHandler } from '../jobs/job-handler.ts';
import type { ModelRegistry } from '../registry/registry.ts';
import { toSrt, toVtt } from '../text/subtitles.ts';
import { requestKey } from './request-key.ts';
import type { TranscriptionService } from './transcription.ts';

/** What a job keeps of the request. */
export const transcriptionRequest = z.object({
  format: z.enum(RESPONSE_FORMATS),
  granularities: z.array(z.enum(TIMESTAMP_GRANULARITIES)),
  params: transcriptionParams,
});
export type TranscriptionRequest = z.infer<typeof transcriptionRequest>;

export interface TranscriptionJobOptions {
  service: TranscriptionService;
  registry: ModelRegistry;
}

/** Who waits for an answer goes first. */
const BACKGROUND = -10;
const PCM_FILE = 'audio.s16';

export function createTranscriptionJob({ service, registry }: TranscriptionJobOptions): JobHandler {
  return async ({ job, inputPath, workDir, checkpoint, signal, saveWindow }) => {
    const { params } = transcriptionRequest.parse(job.request);
    const startedAt = new Date();
    const start = performance.now();
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
      use: { tenant: job.owner, priority: BACKGROUND },
      resume: { pcmPath: join(workDir, PCM_FILE), from },
      onEvent: (event) => {
        if (event.type === 'window') saveWindow(finished(event.window, event.position));
      },
    });
    const seconds = (performance.now() - start) / 1000;
    const model = await registry.identify(job.model, 'transcription');
    return {
      result,
      files: textFiles(result),
      audioSeconds: result.duration,
      requestKey:
        model === undefined || job.input_sha256 === null
          ? undefined
          : requestKey({ owner: job.owner, task: job.task, model, inputSha256: job.input_sha256, params }),
      provenance: {
        model: { ...(model ?? { id: job.model }) },
        stages: [
          {
            name: params.task === 'translate' ? 'translation' : 'transcription',
            started_at: startedAt.toISOString(),
            seconds: Math.round(1000 * seconds) / 1000,
            device: model?.device ?? 'unknown',
          },
        ],
      },
    };
  };
}

function finished(window: TranscriptWindow, position: unknown) {
  const segments = window.segments.map(({ start, end, text }) => ({ start, end, text }));
  return { index: window.index, window, position, end: window.end, segments };
}

function textFiles({ text, segments }: TranscriptionResult) {
  return [
    { name: 'transcript.txt', contentType: 'text/plain; charset=utf-8', content: `${text}\n` },
    { name: 'transcript.srt', contentType: 'application/x-subrip; charset=utf-8', content: toSrt(segments) },
    { name: 'transcript.vtt', contentType: 'text/vtt; charset=utf-8', content: toVtt(segments) },
  ];
}
