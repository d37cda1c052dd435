/** Who spoke when: finds the model, checks what is asked, runs the audio through it, and knows voices by their names. */
import { rm } from 'node:fs/promises';
import type {
  Diarization,
  DiarizationEvent,
  DiarizationParams,
  DiarizationRequest,
  DiarizationResult,
} from '../contract/diarization.ts';
import type { RunInput } from '../models/define-model.ts';
import type { ModelRegistry } from '../registry/registry.ts';
import { nameSpeakers } from './known-speakers.ts';
import type { ModelUse } from './model-use.ts';

export interface DiarizationRun {
  request: DiarizationRequest;
  audioPath: string;
  /** See `ResumeInput.pcmPath`. */
  pcmPath?: string | undefined;
  signal: AbortSignal;
  /** Background work, without the time limit of requests. */
  unlimited?: boolean | undefined;
  use?: ModelUse | undefined;
  onProgress?: ((event: DiarizationEvent) => void) | undefined;
}

export interface Voice {
  model: string;
  /** Empty where there is no speech. */
  voiceprint: number[];
  /** Of speech. */
  seconds: number;
  /** Of the clip. */
  duration: number;
}

export interface DiarizationService {
  /**
   * Id of the named model; without a name, of the first one whose files are here, else of the first there is.
   * @throws model_not_found, unsupported_value
   */
  modelId(model: string | undefined): string;
  diarize(run: DiarizationRun): Promise<DiarizationResult>;
  /** The voice of a clip in which one person speaks. */
  hear(
    clip: Pick<DiarizationRun, 'audioPath' | 'signal' | 'use'> & { model: string; maxSeconds?: number },
  ): Promise<Voice>;
}

export interface DiarizationServiceOptions {
  registry: ModelRegistry;
  limits: RunInput['limits'];
  /** Of audio that was worked on, by model. */
  count(model: string, seconds: number): void;
}

export function createDiarizationService({ registry, limits, count }: DiarizationServiceOptions): DiarizationService {
  const run = async ({ model, params, maxSeconds = limits.maxSeconds, ...rest }: WorkerRequest) => {
    const { audioPath, pcmPath, signal, unlimited, use, onProgress } = rest;
    const ownPath = `${audioPath}.s16`;
    try {
      const result: Diarization = await registry.run('diarization', model, {
        input: { audioPath, limits: { ...limits, maxSeconds }, resume: { pcmPath: pcmPath ?? ownPath } },
        params,
        signal,
        unlimited,
        ...use,
        ...(onProgress && { onEvent: onProgress, mayRepeatEvents: true }),
      });
      count(model, result.duration);
      return result;
    } finally {
      if (pcmPath === undefined) await rm(ownPath, { force: true });
    }
  };
  return {
    modelId: (name) => registry.resolve(name ?? registry.firstOf('diarization'), 'diarization').id,
    diarize: async ({ request: { model, params, known }, ...rest }) =>
      nameSpeakers(await run({ model, params, ...rest }), known),
    hear: async ({ model, ...clip }) => {
      const { speakers, duration } = await run({ model, params: { numSpeakers: 1 }, ...clip });
      const { voiceprint, seconds } = speakers[0] ?? { voiceprint: [], seconds: 0 };
      return { model, voiceprint, seconds, duration };
    },
  };
}

interface WorkerRequest extends Omit<DiarizationRun, 'request'> {
  model: string;
  params: DiarizationParams;
  /** Audio that is longer is refused. */
  maxSeconds?: number;
}
