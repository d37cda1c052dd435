/** Transcription, with its audio seconds told to whoever counts them: requests and jobs alike. */
import type { StageReuse } from './stage-results.ts';
import type { TranscriptionService } from './transcription.ts';

/** @param count gets the model's id, not the alias it was called by. */
export function countTranscription(
  service: TranscriptionService,
  count: (model: string, task: 'transcription' | 'translation', seconds: number) => void,
): TranscriptionService {
  return {
    check: service.check,
    transcribe: async (request) => {
      const { model, params, reuse } = request;
      let isReused = false;
      const onReused: StageReuse['onReused'] = (stage) => {
        isReused ||= stage === 'transcription';
        reuse?.onReused(stage);
      };
      const result = await service.transcribe({ ...request, ...(reuse && { reuse: { ...reuse, onReused } }) });
      if (isReused) return result;
      const task = params.task === 'translate' ? 'translation' : 'transcription';
      count(service.check(model, params), task, result.duration);
      return result;
    },
  };
}
