/** `POST /v1/audio/translations`: speech in any language the model knows → English text. */
import type { TranscriptionResult } from '../../contract/transcription.ts';
import type { TranscriptionRequest } from '../../services/transcription-job.ts';
import type { Route } from '../route.ts';
import { receiveAudio } from './audio-route.ts';
import { parseTranslationForm, type TranscriptionForm } from './transcription-form.ts';
import { sendTranslation } from './transcription-response.ts';
import type { TranscriptionRouteOptions } from './transcriptions.ts';
import { translationOperation } from './translation-operation.ts';

export function translationRoute(options: TranscriptionRouteOptions): Route {
  return {
    method: 'post',
    path: '/v1/audio/translations',
    task: 'translation',
    operation: translationOperation,
    handle: receiveAudio<TranscriptionForm, TranscriptionRequest, TranscriptionResult>(options, {
      work: options.transcriptionJobs,
      parse: parseTranslationForm,
      modelsOf: ({ model, params }) => [options.service.check(model, params)],
      request: ({ format, granularities, params }) => ({ format, granularities: [...granularities], params }),
      send: sendTranslation,
    }),
  };
}
