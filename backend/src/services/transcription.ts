/** Speech to text: finds the model, checks what it can do, runs the audio through it; and who speaks, or the vocals
 * alone, if that is asked. */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { INSTRUMENTAL, type SeparationParams, type SeparationResult, stemFile } from '../contract/separation.ts';
import type { TranscriptionEvent, TranscriptionParams, TranscriptionResult } from '../contract/transcription.ts';
import { GatewayError } from '../errors.ts';
import type { RunInput } from '../models/define-model.ts';
import type { ModelRegistry } from '../registry/registry.ts';
import { addSpeakers } from './add-speakers.ts';
import type { DiarizationService } from './diarization.ts';
import type { ModelUse } from './model-use.ts';
import type { SeparationService } from './separation.ts';
import { readStage, type StageReuse, separationKeys, takeStage, transcriptKeys } from './stage-results.ts';

export interface TranscriptionService {
  /**
   * Checks everything that can be known before the audio is looked at.
   * @returns id of the model, which may have been named by an alias.
   * @throws model_not_found, unsupported_value, invalid_value
   */
  check(model: string, params: TranscriptionParams): string;
  transcribe(request: {
    model: string;
    audioPath: string;
    /** It may be interrupted and gone on with; `onEvent` gets its windows then. */
    resume?: RunInput['resume'];
    /** Background work, without the time limit of requests. */
    unlimited?: boolean;
    params: TranscriptionParams;
    signal: AbortSignal;
    /** Left out when nothing is sent before the result. */
    onEvent?: (event: TranscriptionEvent) => void;
    /** What `onEvent` gets may come once more, from index 0 on, when a crash is retried. */
    mayRepeatEvents?: boolean;
    use?: ModelUse;
    /** Of the vocals, which stay there, and are taken from there where an earlier attempt left them. Default: one for the time of the work. */
    stemsDir?: string;
    /** Stages that earlier jobs have done need not be done again. */
    reuse?: StageReuse;
    /** Told what the work is at where it has several stages, and how much of that is done, from 0 to 1. */
    onStage?: (stage: string, done: number) => void;
  }): Promise<TranscriptionResult>;
}

/** What else may be done in the same request. */
export interface OtherStages {
  diarization: DiarizationService;
  separation: SeparationService;
}

export function createTranscriptionService(
  registry: ModelRegistry,
  limits: RunInput['limits'],
  { diarization, separation }: OtherStages,
): TranscriptionService {
  const check = (model: string, params: TranscriptionParams) => {
    const { definition } = registry.resolve(model, 'transcription');
    const { languages } = definition;
    if (params.diarize !== undefined) diarization.modelId(params.diarize.model);
    if (params.separate !== undefined)
      separation.stemsOf(params.separate.model, stemsToSeparate(params.separate).stems);
    if (params.logprobs === true && definition.logprobs !== true) {
      throw new GatewayError('unsupported_value', {
        message: `The model '${model}' gives no log-probabilities; leave \`include[]\` out, or use a whisper model.`,
        param: 'include',
      });
    }
    if (params.task === 'translate' && definition.translates !== true) {
      throw new GatewayError('unsupported_value', {
        message: `The model '${model}' does not translate. The multilingual whisper models do, for example 'whisper-base'.`,
        param: 'model',
      });
    }
    if (params.beamSize !== undefined && definition.beamSearch !== true) {
      throw new GatewayError('unsupported_value', {
        message: `The model '${model}' has no beam search; leave \`beam_size\` out, or use a whisper model.`,
        param: 'beam_size',
      });
    }
    const param = params.language === undefined ? 'languages' : 'language';
    const spoken = params.language === undefined ? (params.languages ?? []) : [params.language];
    if (spoken.length === 0 || languages.length === 0 || spoken.some((code) => languages.includes(code))) {
      return definition.id;
    }
    const missing = spoken.map((code) => `'${code}'`).join(', ');
    throw new GatewayError('unsupported_value', {
      message: `The model '${model}' understands ${languages.join(', ')}; not ${missing}.`,
      param,
    });
  };
  return {
    check,
    async transcribe({ model, params: { diarize, separate, ...params }, ...rest }) {
      check(model, { diarize, separate, ...params });
      if (separate === undefined) return heard(rest.audioPath, { model, diarize, params, ...rest });
      const { stemsDir, ...hearing } = rest;
      const { audioPath, signal, use, onStage } = rest;
      const outputDir = stemsDir ?? `${audioPath}.stems`;
      const wanted = stemsToSeparate(separate);
      const paths = wanted.stems.map((stem) => join(outputDir, stemFile(stem, wanted.output)));
      try {
        await mkdir(outputDir, { recursive: true, mode: 0o700 });
        if (!paths.every(existsSync) && !(await takeStems(separate.model, wanted, outputDir, rest.reuse))) {
          const separated = await separation.separate({
            ...{ model: separate.model, audioPath, outputDir, signal, use, params: wanted },
            ...(onStage && { onProgress: ({ stage, done }) => onStage(stage, done) }),
          });
          await tellOf(separate.model, wanted, rest.reuse, separated);
        } else await tellOf(separate.model, wanted, rest.reuse, undefined);
        const vocals = join(outputDir, stemFile('vocals', wanted.output));
        return await heard(vocals, { model, diarize, separate, params, ...hearing });
      } finally {
        if (stemsDir === undefined) await rm(outputDir, { recursive: true, force: true });
      }
    },
  };

  /** All stems of an earlier job, or none. */
  async function takeStems(
    model: string,
    params: SeparationParams,
    outputDir: string,
    reuse: StageReuse | undefined,
  ): Promise<boolean> {
    if (reuse === undefined) return false;
    const keys = await separationKeys(registry, reuse, { model, params });
    for (const stem of params.stems) {
      if (!(await takeStage(reuse, keys.stem(stem), join(outputDir, stemFile(stem, params.output))))) return false;
    }
    reuse.onReused('separation');
    return true;
  }

  async function tellOf(
    model: string,
    params: SeparationParams,
    reuse: StageReuse | undefined,
    result: SeparationResult | undefined,
  ): Promise<void> {
    if (reuse === undefined) return;
    const keys = await separationKeys(registry, reuse, { model, params });
    if (result !== undefined) reuse.onResult('separation', result, keys.whole);
    for (const stem of params.stems) reuse.onStem(stem, keys.stem(stem));
  }

  /** Transcribed, and with who speaks if that is asked. */
  async function heard(
    audioPath: string,
    { model, diarize, separate, params, resume, use, onStage, reuse, audioPath: _, ...request }: HeardRequest,
  ): Promise<TranscriptionResult> {
    // Who says which word takes the words' times.
    const { wordTimes = false } = registry.resolve(model, 'transcription').definition;
    const asked = { ...params, words: params.words || (diarize !== undefined && wordTimes) };
    const separated = separate && stemsToSeparate(separate);
    const whole = { ...asked, diarize, separate };
    const stage = async <T extends object>(
      name: 'transcription' | 'diarization',
      run: () => Promise<T>,
    ): Promise<T> => {
      if (reuse === undefined) return run();
      const keys = () => transcriptKeys(registry, reuse, { model, params: whole, separated });
      const known = await readStage<T>(reuse, (await keys())[name]);
      if (known !== undefined) reuse.onReused(name);
      const result = known ?? (await run());
      // Files of models that were not here before are now.
      reuse.onResult(name, result, (await keys())[name]);
      return result;
    };
    if (diarize === undefined) {
      return stage('transcription', () =>
        registry.run('transcription', model, {
          ...{ ...request, params: asked, ...use },
          input: { audioPath, limits, resume },
        }),
      );
    }
    // Decoded once for both models.
    const pcmPath = resume?.pcmPath ?? `${audioPath}.s16`;
    try {
      const transcript = await stage('transcription', () => {
        onStage?.('transcription', 0);
        return registry.run('transcription', model, {
          ...{ ...request, params: asked, ...use },
          input: { audioPath, limits, resume: { ...resume, pcmPath } },
        });
      });
      const { signal, unlimited } = request;
      const speakers = await stage('diarization', () =>
        diarization.diarize({
          ...{ request: diarize, audioPath, pcmPath, signal, unlimited, use },
          ...(onStage && { onProgress: ({ stage: at, done }) => onStage(at, done) }),
        }),
      );
      return addSpeakers(transcript, speakers);
    } finally {
      if (resume?.pcmPath === undefined) await rm(pcmPath, { force: true });
    }
  }
}

/** What a transcription of the vocals alone asks of the separation before it. */
export function stemsToSeparate({ karaoke }: NonNullable<TranscriptionParams['separate']>): SeparationParams {
  return karaoke === undefined
    ? { stems: ['vocals'], output: 'wav', shifts: 0 }
    : { stems: ['vocals', INSTRUMENTAL], output: karaoke, shifts: 0 };
}

type TranscribeRequest = Parameters<TranscriptionService['transcribe']>[0];

interface HeardRequest extends TranscribeRequest {
  diarize: TranscriptionParams['diarize'];
  separate?: TranscriptionParams['separate'];
}
