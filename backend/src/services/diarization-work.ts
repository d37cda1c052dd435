/** Diarizations as work on audio: at once, or as jobs. */
import type { DiarizationResult } from '../contract/diarization.ts';
import type { ModelRegistry } from '../registry/registry.ts';
import type { AudioWork } from './audio-jobs.ts';
import type { DiarizationService } from './diarization.ts';
import type { DiarizationJobRequest } from './diarization-job.ts';

export function diarizationWork(
  service: DiarizationService,
  registry: ModelRegistry,
): AudioWork<DiarizationJobRequest, DiarizationResult> {
  return {
    taskOf: () => 'diarization',
    modelId: (model) => service.modelId(model),
    paramsOf: ({ diarize }) => diarize,
    identify: async (_, { diarize }) => {
      const identity = await registry.identify(diarize.model, 'diarization');
      return identity && [identity];
    },
    run: ({ request, audio, use, signal }) =>
      service.diarize({ request: request.diarize, audioPath: audio.path, use, signal }),
  };
}
