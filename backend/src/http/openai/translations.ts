/** `POST /v1/audio/translations`: speech in any language the model knows → English text. */
import type { Route } from '../route.ts';
import { receiveSpeech, type SpeechRouteOptions } from './speech-route.ts';
import { parseTranslationForm } from './transcription-form.ts';
import { sendTranslation } from './transcription-response.ts';
import { translationOperation } from './translation-operation.ts';

export function translationRoute(options: SpeechRouteOptions): Route {
  return {
    method: 'post',
    path: '/v1/audio/translations',
    task: 'translation',
    operation: translationOperation,
    handle: receiveSpeech(options, { parse: parseTranslationForm, send: sendTranslation }),
  };
}
