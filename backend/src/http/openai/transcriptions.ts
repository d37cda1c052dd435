/** `POST /v1/audio/transcriptions`, and `POST /v1/audio/pipelines`, which is one that takes the vocals out and says who speaks. */
import type { Response } from 'express';
import type { TranscriptionResult } from '../../contract/transcription.ts';
import { toGatewayError } from '../../errors.ts';
import type { AudioJobs } from '../../services/audio-jobs.ts';
import type { DiarizationService } from '../../services/diarization.ts';
import type { MeteredTranscription } from '../../services/metered-transcription.ts';
import type { SeparationService } from '../../services/separation.ts';
import type { TranscriptionRequest } from '../../services/transcription-job.ts';
import type { KaraokeAnswer } from '../audio/karaoke-response.ts';
import { contextOf, principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { EventStream } from '../sse.ts';
import { type AudioRouteOptions, receiveAudio } from './audio-route.ts';
import type { KnownVoices } from './known-voices.ts';
import { parsePipelineForm, parseTranscriptionForm, type TranscriptionForm } from './transcription-form.ts';
import { pipelineOperation, transcriptionOperation } from './transcription-operation.ts';
import { diarizedSegments, extrasOf, sendTranscription } from './transcription-response.ts';

/** A stream that has nothing to say yet still sends its headers by then: clients and proxies give up on silence. */
const STREAM_START_MS = 60_000;

export interface TranscriptionRouteOptions extends AudioRouteOptions {
  service: MeteredTranscription;
  transcriptionJobs: AudioJobs<TranscriptionRequest, TranscriptionResult>;
  diarization: DiarizationService;
  separation: SeparationService;
  voices: KnownVoices;
  answerKaraoke: KaraokeAnswer;
}

export function transcriptionRoutes(options: TranscriptionRouteOptions): Route[] {
  return [
    {
      method: 'post',
      path: '/v1/audio/transcriptions',
      task: 'transcription',
      operation: transcriptionOperation,
      handle: receiveTranscription(options, parseTranscriptionForm),
    },
    {
      method: 'post',
      path: '/v1/audio/pipelines',
      task: 'transcription',
      operation: pipelineOperation,
      handle: receiveTranscription(options, parsePipelineForm),
    },
  ];
}

function receiveTranscription(
  options: TranscriptionRouteOptions,
  parse: (fields: Readonly<Record<string, unknown>>) => TranscriptionForm,
) {
  const { service, transcriptionJobs, diarization, separation, voices, answerKaraoke } = options;
  return receiveAudio<TranscriptionForm, TranscriptionRequest, TranscriptionResult>(options, {
    work: transcriptionJobs,
    parse,
    modelsOf: ({ model, params, speakers, vocals }) => [
      service.check(model, params),
      ...(speakers === undefined ? [] : [diarization.modelId(speakers.model)]),
      ...(vocals === undefined ? [] : [separation.modelId(vocals.model)]),
    ],
    request: async (
      { model: named, format, granularities, params: asked, speakers, vocals },
      { upload, response, use },
    ) => {
      const separate = vocals && { ...vocals, model: separation.modelId(vocals.model) };
      const params = { ...asked, ...(separate && { separate }) };
      service.check(named, params);
      const request = { format, granularities: [...granularities], params };
      if (speakers === undefined) return request;
      const model = diarization.modelId(speakers.model);
      const { names, references } = speakers;
      const wanted = { owner: principalOf(response).id, model, names, references };
      const known = await voices.find(wanted, { upload, response, use });
      return { ...request, params: { ...params, diarize: { model, params: speakers.params, known } } };
    },
    send: sendTranscription,
    files: { isAsked: ({ format }) => format === 'karaoke', answer: answerKaraoke },
    stream: {
      isAsked: ({ stream }) => stream,
      answer: (response, { params, format }, { model }, { path: audioPath, use }) =>
        streamTranscription(response, format, (onDelta) =>
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
    },
  });
}

type Run = (onDelta: (delta: string) => void) => Promise<TranscriptionResult>;

async function streamTranscription(response: Response, format: TranscriptionForm['format'], run: Run): Promise<void> {
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
    if (format === 'diarized_json') for (const segment of diarizedSegments(result)) stream.send(segment);
    stream.send({ type: 'transcript.text.done', text: result.text, ...extrasOf(result) });
    stream.end();
  } catch (error) {
    if (!stream.started || contextOf(response).signal.aborted) throw error;
    stream.fail(toGatewayError(error));
  } finally {
    clearTimeout(patience);
  }
}
