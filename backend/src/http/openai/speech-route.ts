/** What transcriptions and translations have in common: an answer at once, a stream, or a job. */
import type { Request, Response } from 'express';
import type { TranscriptionResult } from '../../contract/transcription.ts';
import { GatewayError } from '../../errors.ts';
import { publicJobId } from '../../jobs/job-id.ts';
import type { JobService } from '../../jobs/job-service.ts';
import type { MeteredTranscription } from '../../services/metered-transcription.ts';
import type { SpeechJobs, SpeechRequest } from '../../services/speech-jobs.ts';
import type { ModelUse } from '../../services/transcription.ts';
import { contextOf, principalOf } from '../request-context.ts';
import { requireModel } from '../scopes.ts';
import type { Upload, UploadReceiver } from '../upload.ts';
import { audioSource, type FetchInput, fetchAudio } from './audio-source.ts';
import { fingerprintOf, type JobAsked, parseJobWishes } from './job-wishes.ts';
import { modelUse } from './model-use.ts';
import type { TranscriptionForm } from './transcription-form.ts';

export interface SpeechRouteOptions {
  service: MeteredTranscription;
  speechJobs: SpeechJobs;
  jobs: JobService;
  uploads: UploadReceiver;
  fetchInput: FetchInput;
  /** By `cpu`, index or UUID. @throws gpu_not_found */
  requireDevice(name: string, param: string): { id: string };
  /** @throws where the address can be told from its looks to be one that is not fetched from. */
  checkUrl(url: string): void;
  /** @throws where the address is not one to send to. */
  checkWebhook(owner: string, url: string): Promise<void> | void;
}

export interface SpeechAnswers {
  parse(fields: Upload['fields']): TranscriptionForm;
  send(response: Response, result: TranscriptionResult, form: TranscriptionForm): void;
  /** Instead of `send`, when the form asks for a stream. */
  stream?(response: Response, form: TranscriptionForm, audio: { path: string; use: ModelUse }): Promise<void>;
}

export function receiveSpeech(options: SpeechRouteOptions, { parse, send, stream }: SpeechAnswers) {
  const { service, speechJobs, uploads, fetchInput, checkUrl } = options;
  return (request: Request, response: Response) =>
    uploads.receive(request, response, async (upload) => {
      const form = parse(upload.fields);
      const asked = parseJobWishes(request, upload.fields);
      const use = modelUse(response, upload.fields, options.requireDevice);
      const source = audioSource(upload);
      if ('url' in source) checkUrl(source.url);
      const { fields, signal } = contextOf(response);
      fields.model = form.model;
      requireModel(principalOf(response), service.check(form.model, form.params));
      const speech = toRequest(response, form, asked);
      if (asked.background) {
        await acceptJob(options, { request, response, speech, asked, source });
        return;
      }
      const audio = await fetchAudio(source, upload, fetchInput, signal);
      if (form.stream && stream !== undefined) {
        await stream(response, form, { path: audio.path, use });
        return;
      }
      const result = await speechJobs.transcribe(speech, audio, { use, signal });
      fields.audio_seconds = result.duration;
      send(response, result, form);
    });
}

function toRequest(response: Response, form: TranscriptionForm, { mayReuse }: JobAsked): SpeechRequest {
  return {
    caller: principalOf(response),
    reference: contextOf(response).id,
    model: form.model,
    request: { format: form.format, granularities: [...form.granularities], params: form.params },
    mayReuse,
  };
}

interface Acceptance {
  request: Request;
  response: Response;
  speech: SpeechRequest;
  asked: JobAsked;
  source: ReturnType<typeof audioSource>;
}

async function acceptJob(
  { speechJobs, jobs, checkWebhook }: SpeechRouteOptions,
  { request, response, speech, asked, source }: Acceptance,
): Promise<void> {
  const { idempotencyKey, ...wishes } = asked.wishes;
  const { caller, reference: _, ...what } = speech;
  if (wishes.priority > 0 && caller.role !== 'admin') {
    throw new GatewayError('invalid_value', {
      message: 'A priority above 0 takes an admin key; 0 and below are free to choose.',
      param: 'priority',
    });
  }
  if (wishes.webhookUrl !== undefined) await checkWebhook(caller.id, wishes.webhookUrl);
  const input = 'url' in source ? source.url : await source.sha256();
  const idempotency =
    idempotencyKey === undefined
      ? undefined
      : { key: idempotencyKey, fingerprint: fingerprintOf(request.path, [what, wishes], input) };
  const job = await speechJobs.submit(speech, source, { ...wishes, idempotency }, contextOf(response).signal);
  const [described] = await jobs.describe([job]);
  response
    .status(202)
    .location(`/v1/jobs/${publicJobId(job.id)}`)
    .setHeader('preference-applied', 'respond-async')
    .json(described);
}
