/** `POST /v1/audio/translations`: speech in any language the model knows → English text. */
import type { MeteredTranscription } from '../../services/metered-transcription.ts';
import { contextOf, principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { requireModel } from '../scopes.ts';
import type { UploadReceiver } from '../upload.ts';
import { requireFile } from './require-file.ts';
import { parseTranslationForm } from './transcription-form.ts';
import { sendTranslation } from './transcription-response.ts';
import { translationOperation } from './translation-operation.ts';

export interface TranslationRouteOptions {
  service: MeteredTranscription;
  uploads: UploadReceiver;
}

export function translationRoute({ service, uploads }: TranslationRouteOptions): Route {
  return {
    method: 'post',
    path: '/v1/audio/translations',
    task: 'translation',
    operation: translationOperation,
    handle: (request, response) =>
      uploads.receive(request, response, async (upload) => {
        const { model, format, params } = parseTranslationForm(upload.fields);
        const audioPath = requireFile(upload);
        const { fields, id: reference, signal } = contextOf(response);
        const caller = principalOf(response);
        fields.model = model;
        requireModel(caller, service.check(model, params));
        const result = await service.transcribe({ model, audioPath, params, signal, caller, reference });
        fields.audio_seconds = result.duration;
        sendTranslation(response, result, format);
      }),
  };
}
