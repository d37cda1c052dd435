/** `POST /v1/audio/transcriptions`. */
import type { Response } from 'express';
import type { TranscriptionResult } from '../../contract/transcription.ts';
import { toGatewayError } from '../../errors.ts';
import { contextOf, principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { EventStream } from '../sse.ts';
import { receiveSpeech, type SpeechRouteOptions } from './speech-route.ts';
import { parseTranscriptionForm } from './transcription-form.ts';
import { transcriptionOperation } from './transcription-operation.ts';
import { extrasOf, sendTranscription } from './transcription-response.ts';

/** A stream that has nothing to say yet still sends its headers by then: clients and proxies give up on silence. */
const STREAM_START_MS = 60_000;

export function transcriptionRoute(options: SpeechRouteOptions): Route {
  const { service } = options;
  return {
    method: 'post',
    path: '/v1/audio/transcriptions',
    task: 'transcription',
    operation: transcriptionOperation,
    handle: receiveSpeech(options, {
      parse: parseTranscriptionForm,
      send: sendTranscription,
      stream: (response, { model, params }, { path: audioPath, use }) =>
        streamTranscription(response, (onDelta) =>
          service.transcribe({
            model,
            audioPath,
            params,
            use,
            signal: contextOf(response).signal,
            caller: principalOf(response),
            reference: contextOf(response).id,
            onEvent: (event) => {
              if (event.type === 'delta') onDelta(event.delta);
            },
          }),
        ),
    }),
  };
}

type Run = (onDelta: (delta: string) => void) => Promise<TranscriptionResult>;

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
