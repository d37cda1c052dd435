/** Requests about audio between HTTP and the jobs: as a job from the start, or one that became a job. */
import { text } from 'node:stream/consumers';
import type { JobTask } from '../contract/jobs.ts';
import type { Principal } from '../contract/keys.ts';
import type { TranscriptWindow } from '../contract/transcription.ts';
import { GatewayError, isErrorCode } from '../errors.ts';
import type { ArtifactStore } from '../jobs/artifacts.ts';
import { publicJobId } from '../jobs/job-id.ts';
import type { JobRow, JobService } from '../jobs/job-service.ts';
import type { Logger } from '../logger.ts';
import type { ModelIdentity } from '../registry/model-identity.ts';
import type { Metering } from './metering.ts';
import type { ModelUse } from './model-use.ts';
import { requestKey } from './request-key.ts';

/** A kind of work on audio, as far as it becomes jobs: what is asked, and how it is answered. `Q` is plain JSON. */
export interface AudioWork<Q, R> {
  taskOf(request: Q): JobTask;
  /** Id of the model that is named, by an alias perhaps. @throws as the registry's `resolve` */
  modelId(model: string): string;
  /** The models that the result depends on; undefined while their files are not here: what they will be is not known. */
  identify(model: string, request: Q): Promise<readonly ModelIdentity[] | undefined>;
  /** Everything else that bears on the result. */
  paramsOf(request: Q): object;
  /** On nobody's account. Left out where all of it is a job: what leaves files. */
  run?(work: {
    model: string;
    request: Q;
    audio: LocalAudio;
    use: ModelUse;
    signal: AbortSignal;
    /** Told of windows of text that a job may go on behind, by kinds that have such. */
    onWindow(window: TranscriptWindow, position: unknown): void;
  }): Promise<R>;
}

export interface AudioRequest<Q> {
  caller: Principal;
  /** Unique id of the HTTP request. */
  reference: string;
  /** Id or alias. */
  model: string;
  request: Q;
  /** An equal result that is there already is as good. */
  mayReuse: boolean;
}

/** Beside what is asked: a job has nobody to tell. */
export interface WaitingCaller {
  use: ModelUse;
  signal: AbortSignal;
}

export interface LocalAudio {
  path: string;
  bytes: number;
  /** Hexadecimal. */
  sha256(): Promise<string>;
  name: string | undefined;
}

export interface JobWishes {
  idempotency: { key: string; fingerprint: string } | undefined;
  metadata: Record<string, string>;
  webhookUrl: string | undefined;
  priority: number;
}

export interface AudioJobsOptions<Q, R> {
  work: AudioWork<Q, R>;
  metering: Metering;
  jobs: JobService;
  artifacts: ArtifactStore;
  /** Audio seconds as the container states them. @throws where there is no audio to read. */
  probe(path: string, signal: AbortSignal): Promise<number | undefined>;
  /** How long a caller waits for an answer before the request goes on as a job. */
  syncMaxMs: number;
  log: Logger;
}

interface Begun {
  windows: TranscriptWindow[];
  position: unknown;
}

interface Unfinished<Q> {
  request: AudioRequest<Q>;
  audio: LocalAudio;
  begun: Begun;
  signal: AbortSignal;
}

export class AudioJobs<Q, R extends { duration: number }> {
  readonly #options: AudioJobsOptions<Q, R>;

  constructor(options: AudioJobsOptions<Q, R>) {
    this.#options = options;
  }

  /** @throws what is wrong with the request or its audio, before there is a job; what `JobService.submit` throws. */
  async submit(
    request: AudioRequest<Q>,
    audio: LocalAudio | { url: string },
    wishes: JobWishes,
    signal: AbortSignal,
  ): Promise<JobRow> {
    const input = 'url' in audio ? audio : await this.#inputOf(audio, signal);
    return this.#submit(
      request,
      input,
      wishes,
      'url' in audio ? undefined : await this.#keyOf(request, audio),
      undefined,
    );
  }

  /**
   * The result, for a caller who waits: an equal job's, a running equal job's when it is there, or computed here.
   * @throws became_job when it takes too long; what the model throws.
   */
  async answer(request: AudioRequest<Q>, audio: LocalAudio, { use, signal }: WaitingCaller): Promise<R> {
    const { work, metering, syncMaxMs } = this.#options;
    if (work.run === undefined) throw new Error('this work is done in jobs alone');
    const tooLong = AbortSignal.timeout(syncMaxMs);
    const equal = request.mayReuse ? await this.#findEqual(() => this.#keyOf(request, audio)) : undefined;
    if (equal !== undefined) {
      const over = await this.#waitFor(equal, AbortSignal.any([signal, tooLong]));
      signal.throwIfAborted();
      if (tooLong.aborted) throw becameJob(equal);
      // Cancelled or deleted meanwhile: computed here.
      if (over?.status === 'succeeded' || over?.status === 'failed') return this.result(over);
    }
    const { caller, reference } = request;
    const meter = await metering.begin({
      caller,
      reference,
      model: request.model,
      audioPath: audio.path,
      signal,
    });
    const begun: Begun = { windows: [], position: undefined };
    try {
      const result = await work.run({
        model: request.model,
        request: request.request,
        audio,
        use,
        signal: AbortSignal.any([signal, tooLong]),
        onWindow: (window, position) => {
          begun.windows.length = Math.min(begun.windows.length, window.index);
          begun.windows.push(window);
          begun.position = position;
        },
      });
      await meter.settle(result.duration);
      return result;
    } catch (error) {
      if (!tooLong.aborted || signal.aborted) {
        await meter.release();
        throw error;
      }
      // What it held is the job's by then.
      const job = await this.#goOnAsJob({ request, audio, begun, signal }).finally(() => meter.release());
      throw becameJob(job);
    }
  }

  /**
   * Submits a job and waits for its end, for a caller who waits; when the caller leaves it is cancelled.
   * @returns the job that succeeded. @throws became_job when it takes too long; the job's own error.
   */
  async answerAsJob(
    request: AudioRequest<Q>,
    audio: LocalAudio,
    wishes: JobWishes,
    signal: AbortSignal,
  ): Promise<{ job: JobRow; result: R }> {
    const { jobs, syncMaxMs } = this.#options;
    const tooLong = AbortSignal.timeout(syncMaxMs);
    const job = await this.submit(request, audio, wishes, signal);
    const over = await this.#waitFor(job, AbortSignal.any([signal, tooLong]));
    if (signal.aborted) {
      await jobs.cancel(job.owner, publicJobId(job.id));
      throw signal.reason;
    }
    if (tooLong.aborted) throw becameJob(job);
    const ended = over ?? job;
    return { job: ended, result: await this.result(ended) };
  }

  async #goOnAsJob({ request, audio, begun, signal }: Unfinished<Q>): Promise<JobRow> {
    const { log } = this.#options;
    const input = await this.#inputOf(audio, signal);
    const wishes = { idempotency: undefined, metadata: {}, webhookUrl: undefined, priority: 0 };
    const job = await this.#submit(request, input, wishes, await this.#keyOf(request, audio), begun);
    log.info('request became a job', { job_id: publicJobId(job.id), windows: begun.windows.length });
    return job;
  }

  /** @throws job_not_finished, job_cancelled, the job's own error, artifact_not_found */
  async result(job: JobRow): Promise<R> {
    const id = publicJobId(job.id);
    if (job.status === 'failed' && job.error !== null) {
      const { code, message, param } = job.error;
      throw new GatewayError(isErrorCode(code) ? code : 'internal_error', { message, param: param ?? undefined });
    }
    if (job.status === 'cancelled') {
      throw new GatewayError('job_cancelled', { message: `The job '${id}' was cancelled; it has no result.` });
    }
    if (job.status !== 'succeeded') {
      throw new GatewayError('job_not_finished', {
        message: `The job '${id}' is ${job.status}; it has no result yet.`,
        retryAfterSeconds: 1,
      });
    }
    const { key } = await this.#options.jobs.artifact(job.owner, id, 'result.json');
    // Written by the handler of this very task.
    return JSON.parse(await text(await this.#options.artifacts.get(key)));
  }

  #submit(
    { caller, reference, model, request, mayReuse }: AudioRequest<Q>,
    input: Parameters<JobService['submit']>[0]['input'],
    wishes: JobWishes,
    key: string | undefined,
    begun: Begun | undefined,
  ): Promise<JobRow> {
    const { work, jobs } = this.#options;
    return jobs.submit({
      owner: caller.id,
      task: work.taskOf(request),
      model: work.modelId(model),
      request,
      input,
      requestKey: key,
      mayReuse,
      ...wishes,
      ...(begun && {
        takesOver: reference,
        begun: {
          position: begun.position,
          windows: begun.windows.map((window) => ({ index: window.index, window, end: window.end })),
        },
      }),
    });
  }

  async #inputOf(audio: LocalAudio, signal: AbortSignal) {
    return { ...audio, sha256: await audio.sha256(), seconds: await this.#options.probe(audio.path, signal) };
  }

  async #keyOf({ caller, model, request }: AudioRequest<Q>, audio: LocalAudio): Promise<string | undefined> {
    return keyOfResult(this.#options.work, caller.id, { model, request, inputSha256: await audio.sha256() });
  }

  /** A caller who waits is served without the database too. */
  async #findEqual(key: () => Promise<string | undefined>): Promise<JobRow | undefined> {
    return this.#options.jobs.findEqual(key).catch((error: unknown) => {
      if (error instanceof GatewayError && error.code === 'database_unavailable') return undefined;
      throw error;
    });
  }

  async #waitFor(job: JobRow, signal: AbortSignal): Promise<JobRow | undefined> {
    try {
      return await this.#options.jobs.waitFor(job, signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }
}

/** undefined while it is not known what the result depends on. */
export async function keyOfResult<Q>(
  work: Pick<AudioWork<Q, unknown>, 'identify' | 'taskOf' | 'paramsOf'>,
  owner: string,
  { model, request, inputSha256 }: { model: string; request: Q; inputSha256: string },
): Promise<string | undefined> {
  const models = await work.identify(model, request);
  if (models === undefined) return undefined;
  return requestKey({ owner, task: work.taskOf(request), models, inputSha256, params: work.paramsOf(request) });
}

function becameJob(job: JobRow): GatewayError {
  const id = publicJobId(job.id);
  return new GatewayError('became_job', {
    message: `The request takes longer than an answer may: it goes on as the job '${id}'. Its result will be at /v1/jobs/${id}/result; the same request again waits for it.`,
    extra: { job_id: id },
    headers: { location: `/v1/jobs/${id}`, 'x-should-retry': 'false' },
  });
}
