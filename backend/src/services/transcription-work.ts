/** Transcriptions and translations as work on audio: at once, or as jobs. */
import type { TranscriptionResult } from '../contract/transcription.ts';
import type { ModelRegistry } from '../registry/registry.ts';
import type { AudioWork } from './audio-jobs.ts';
import type { TranscriptionService } from './transcription.ts';
import type { TranscriptionRequest } from './transcription-job.ts';

export function transcriptionWork(
  service: TranscriptionService,
  registry: ModelRegistry,
): AudioWork<TranscriptionRequest, TranscriptionResult> {
  return {
    taskOf: ({ params }) => (params.task === 'translate' ? 'translation' : 'transcription'),
    modelId: (model) => registry.resolve(model, 'transcription').id,
    paramsOf: ({ params }) => params,
    identify: async (model, { params: { diarize, separate } }) => {
      const models = await Promise.all([
        registry.identify(model, 'transcription'),
        ...(diarize === undefined ? [] : [registry.identify(diarize.model, 'diarization')]),
        ...(separate === undefined ? [] : [registry.identify(separate.model, 'separation')]),
      ]);
      const known = models.filter((identity) => identity !== undefined);
      return known.length === models.length ? known : undefined;
    },
    run: ({ model, request, audio, use, signal, onWindow }) =>
      service.transcribe({
        model,
        audioPath: audio.path,
        params: request.params,
        use,
        signal,
        resume: {},
        mayRepeatEvents: true,
        onEvent: (event) => {
          if (event.type === 'window') onWindow(event.window, event.position);
        },
      }),
  };
}
