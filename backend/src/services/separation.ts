/** One recording → its sources: finds the model, checks what it can do, runs the audio through it. */
import {
  type AskedStem,
  INSTRUMENTAL,
  type SeparationEvent,
  type SeparationParams,
  type SeparationResult,
} from '../contract/separation.ts';
import { GatewayError } from '../errors.ts';
import type { RunInput } from '../models/define-model.ts';
import type { ModelRegistry } from '../registry/registry.ts';
import type { ModelUse } from './model-use.ts';

export interface SeparationRun {
  /** Id. */
  model: string;
  params: SeparationParams;
  audioPath: string;
  /** For the files; it is there. */
  outputDir: string;
  signal: AbortSignal;
  use?: ModelUse | undefined;
  onProgress?: ((event: SeparationEvent) => void) | undefined;
}

export interface SeparationService {
  /** Id of the named model; without a name, of the first one whose files are here, else of the first. @throws model_not_found, unsupported_value */
  modelId(model: string | undefined): string;
  /** Those that are asked for, or all of the model's. @throws unsupported_value naming those it has */
  stemsOf(model: string, asked: readonly AskedStem[]): AskedStem[];
  /** Background work: no time limit holds. */
  separate(run: SeparationRun): Promise<SeparationResult>;
}

export interface SeparationServiceOptions {
  registry: ModelRegistry;
  limits: RunInput['limits'];
  /** Of audio that was worked on, by model. */
  count(model: string, seconds: number): void;
}

export function createSeparationService({ registry, limits, count }: SeparationServiceOptions): SeparationService {
  return {
    modelId: (name) => registry.resolve(name ?? registry.firstOf('separation'), 'separation').id,
    stemsOf(model, asked) {
      const stems = (registry.resolve(model, 'separation').definition.stems ?? []) as AskedStem[];
      const offered = [...new Set(stems.includes('vocals') ? [...stems, INSTRUMENTAL] : stems)];
      const missing = asked.find((stem) => !offered.includes(stem));
      if (missing !== undefined) {
        throw new GatewayError('unsupported_value', {
          message: `The model '${model}' has no stem '${missing}'; it has ${offered.join(', ')}.`,
          param: 'stems',
        });
      }
      return asked.length === 0 ? stems : [...new Set(asked)];
    },
    async separate({ model, params, audioPath, outputDir, signal, use, onProgress }) {
      const result = await registry.run('separation', model, {
        input: { audioPath, limits, outputDir },
        params,
        signal,
        unlimited: true,
        ...use,
        ...(onProgress && { onEvent: onProgress, mayRepeatEvents: true }),
      });
      count(model, result.duration);
      return result;
    },
  };
}
