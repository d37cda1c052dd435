/** `POST /v1/audio/transcriptions`. */
import type { Response } from 'express';
import type { TranscriptionResult } from '../../contract/transcription.ts';
import { toGatewayError } from '../../errors.ts';
import type { MeteredTranscription } from '../../services/metered-transcription.ts';
import { contextOf, principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { requireModel } from '../scopes.ts';
import { EventStream } from '../sse.ts';
import type { UploadReceiver } from '../upload.ts';
import { requireFile } from './require-file.ts';
import { parseTranscriptionForm, type TranscriptionForm } from './transcription-form.ts';
import { transcriptionOperation } from './transcription-operation.ts';
import { extrasOf, sendTranscription } from './transcription-response.ts';

/** A stream that has nothing to say yet still sends its headers by then: clients and proxies give up on silence. */
const STREAM_START_MS = 60_000;

export interface TranscriptionRouteOptions {
  service: MeteredTranscription;
  uploads: UploadReceiver;
}

export function transcriptionRoute({ service, uploads }: TranscriptionRouteOptions): Route {
  return {
    method: 'post',
    path: '/v1/audio/transcriptions',
    task: 'transcription',
    operation: transcriptionOperation,
    handle: (request, response) =>
      uploads.receive(request, response, async (upload) => {
        const form = parseTranscriptionForm(upload.fields);
        const audioPath = requireFile(upload);
        contextOf(response).fields.model = form.model;
        requireModel(principalOf(response), service.check(form.model, form.params));
        const run: Run = (onDelta) =>
          service.transcribe({
            model: form.model,
            audioPath,
            params: form.params,
            signal: contextOf(response).signal,
            caller: principalOf(response),
            reference: contextOf(response).id,
            ...(onDelta && {
              onEvent: (event) => {
                if (event.type === 'delta') onDelta(event.delta);
              },
            }),
          });
        if (form.stream) await streamTranscription(response, run);
        else await answerTranscription(response, form, run);
      }),
  };
}

type Run = (onDelta?: (delta: string) => void) => Promise<TranscriptionResult>;

async function answerTranscription(response: Response, form: TranscriptionForm, run: Run): Promise<void> {
  const result = await run();
  contextOf(response).fields.audio_seconds = result.duration;
  sendTranscription(response, result, form);
}

async function streamTranscription(response: Response, run: Run): Promise<void> {
  const stream = new EventStream(response);
  const patience = setTimeout(() => stream.start(), STREAM_START_MS);
  let text = '';
  const sendDelta = (delta: string) => {
    text += delta;
    stream.send({ type: 'transcript.text.delta', delta });
  };
  try {
    const result = await run(sendDelta);
    contextOf(response).fields.audio_seconds = result.duration;
    // A model that cannot stream emits nothing on its way: its whole text is one delta.
    if (text === '' && result.text !== '') sendDelta(result.text);
    stream.send({ type: 'transcript.text.done', text: result.text, ...extrasOf(result) });
    stream.end();
  } catch (error) {
    if (!stream.started || contextOf(response).signal.aborted) throw error;
    stream.fail(toGatewayError(error));
  } finally {
    clearTimeout(patience);
  }
}
