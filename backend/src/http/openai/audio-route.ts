/** What all requests about audio have in common: an answer at once, a stream, or a job. */
import type { Request, Response } from 'express';
import { GatewayError } from '../../errors.ts';
import { publicJobId } from '../../jobs/job-id.ts';
import type { JobRow, JobService } from '../../jobs/job-service.ts';
import type { AudioJobs, AudioRequest, LocalAudio } from '../../services/audio-jobs.ts';
import type { ModelUse } from '../../services/model-use.ts';
import { type ModelNotes, noteModels } from '../model-note.ts';
import { contextOf, principalOf } from '../request-context.ts';
import { requireModel } from '../scopes.ts';
import type { Upload, UploadReceiver } from '../upload.ts';
import { audioSource, type FetchInput, fetchAudio } from './audio-source.ts';
import { fingerprintOf, type JobAsked, parseJobWishes } from './job-wishes.ts';
import { modelUse } from './model-use.ts';

export interface AudioRouteOptions extends ModelNotes {
  jobs: JobService;
  uploads: UploadReceiver;
  fetchInput: FetchInput;
  /** Audio seconds as the container states them. */
  probe(path: string, signal: AbortSignal): Promise<number | undefined>;
  /** By `cpu`, index or UUID. @throws gpu_not_found */
  requireDevice(name: string, param: string): { id: string };
  /** @throws where the address can be told from its looks to be one that is not fetched from. */
  checkUrl(url: string): void;
  /** @throws where the address is not one to send to. */
  checkWebhook(owner: string, url: string): Promise<void> | void;
}

/** `F`: the checked fields of the form; `Q`: what a job keeps of them; `R`: the result. */
export interface AudioAnswers<F extends { model: string }, Q, R extends { duration: number }> {
  work: AudioJobs<Q, R>;
  parse(fields: Upload['fields']): F;
  /** Checks what can be known before the audio is looked at. @returns ids of all models that it takes */
  modelsOf(form: F): string[];
  /** What the form means, with whatever has to be looked up for that. */
  request(form: F, context: { upload: Upload; response: Response; use: ModelUse }): Q | Promise<Q>;
  send(response: Response, result: R, form: F): void;
  /** Instead of `send`, when the answer are files. */
  files?: {
    isAsked(form: F): boolean;
    answer(response: Response, done: { job: JobRow; result: R }): Promise<void>;
  };
  /** Instead of `send`, when it answers with a stream. */
  stream?: {
    isAsked(form: F): boolean;
    answer(response: Response, request: Q, form: F, audio: { path: string; use: ModelUse }): Promise<void>;
  };
}

export function receiveAudio<F extends { model: string }, Q, R extends { duration: number }>(
  options: AudioRouteOptions,
  answers: AudioAnswers<F, Q, R>,
) {
  const { uploads, fetchInput, checkUrl } = options;
  return (request: Request, response: Response) =>
    uploads.receive(request, response, async (upload) => {
      const form = answers.parse(upload.fields);
      const asked = parseJobWishes(request, upload.fields);
      const use = modelUse(response, upload.fields, options.requireDevice);
      const source = audioSource(upload);
      if ('url' in source) checkUrl(source.url);
      const { fields, signal } = contextOf(response);
      fields.model = form.model;
      const models = answers.modelsOf(form);
      for (const model of models) requireModel(principalOf(response), model);
      noteModels(response, options, models);
      const what = await answers.request(form, { upload, response, use });
      const audioRequest = {
        caller: principalOf(response),
        reference: contextOf(response).id,
        model: form.model,
        request: what,
        mayReuse: asked.mayReuse,
      };
      const acceptance = { request, response, audioRequest, asked, source };
      if (answers.files?.isAsked(form) === true) {
        const { answer } = answers.files;
        await answerWithFiles(options, answers.work, { ...acceptance, upload }, (done) => answer(response, done));
        return;
      }
      if (asked.background) {
        await acceptJob(options, answers.work, acceptance);
        return;
      }
      const audio = await fetchAudio(source, upload, fetchInput, signal);
      if (answers.stream?.isAsked(form) === true) {
        await answers.stream.answer(response, what, form, { path: audio.path, use });
        return;
      }
      const result = await answers.work.answer(audioRequest, audio, { use, signal });
      fields.audio_seconds = result.duration;
      answers.send(response, result, form);
    });
}

/** Longer audio is answered with a job where the answer are files, unless the caller says `background=false`. */
const MAX_SYNC_SECONDS = 60;

/** What leaves files is a job in any case; of short audio the caller waits for its end. */
export async function answerWithFiles<Q, R extends { duration: number }>(
  options: AudioRouteOptions,
  work: AudioJobs<Q, R>,
  { upload, ...acceptance }: Acceptance<Q> & { upload: Upload },
  answer: (done: { job: JobRow; result: R }) => Promise<void>,
): Promise<void> {
  const { response, audioRequest, asked, source } = acceptance;
  const { signal, fields } = contextOf(response);
  const audio = asked.background ? undefined : await fetchAudio(source, upload, options.fetchInput, signal);
  if (audio === undefined || (await isLong(options, upload, audio, signal))) {
    await acceptJob(options, work, { ...acceptance, source: audio ?? source });
    return;
  }
  const { idempotencyKey: _, ...wishes } = asked.wishes;
  const done = await work.answerAsJob(audioRequest, audio, { ...wishes, idempotency: undefined }, signal);
  fields.audio_seconds = done.result.duration;
  await answer(done);
}

/** And the caller did not say whether it waits. */
async function isLong(
  { probe }: AudioRouteOptions,
  { fields: { background } }: Upload,
  audio: LocalAudio,
  signal: AbortSignal,
): Promise<boolean> {
  if (background !== undefined && background !== '') return false;
  return ((await probe(audio.path, signal)) ?? 0) > MAX_SYNC_SECONDS;
}

export interface Acceptance<Q> {
  request: Request;
  response: Response;
  audioRequest: AudioRequest<Q>;
  asked: JobAsked;
  source: ReturnType<typeof audioSource>;
}

export async function acceptJob<Q, R extends { duration: number }>(
  { jobs, checkWebhook }: AudioRouteOptions,
  work: AudioJobs<Q, R>,
  { request, response, audioRequest, asked, source }: Acceptance<Q>,
): Promise<void> {
  const { idempotencyKey, ...wishes } = asked.wishes;
  const { caller, reference: _, ...what } = audioRequest;
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
  const job = await work.submit(audioRequest, source, { ...wishes, idempotency }, contextOf(response).signal);
  const [described] = await jobs.describe([job]);
  response
    .status(202)
    .location(`/v1/jobs/${publicJobId(job.id)}`)
    .setHeader('preference-applied', 'respond-async')
    .json(described);
}
