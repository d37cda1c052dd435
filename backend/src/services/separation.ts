/** One recording → its sources: finds the model, checks what it can do, runs the audio through it, through all of its replicas if there are several. */
import { join } from 'node:path';
import type { TrackPart } from '../audio/overlap-add.ts';
import { STEREO_RATE } from '../audio/sample-rate.ts';
import { MIX_FILE, removePieces } from '../audio/separation-pieces.ts';
import { openStereoFile } from '../audio/stereo-file.ts';
import {
  type AskedStem,
  INSTRUMENTAL,
  type SeparationEvent,
  type SeparationParams,
  type SeparationResult,
} from '../contract/separation.ts';
import { GatewayError } from '../errors.ts';
import { forEachLimited } from '../hub/for-each-limited.ts';
import type { RunInput, SeparationStep } from '../models/define-model.ts';
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

/** A second is lost at each border. */
const SHORTEST_PART_SECONDS = 10;
const LONGEST_PART_SECONDS = 180;

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
    async separate(run) {
      const { model, use, onProgress } = run;
      const replicas = use?.devices === undefined ? registry.replicasOf(model) : 1;
      const result = await (replicas > 1 ? separateTogether(run, replicas) : step(run, undefined, onProgress));
      count(model, result.duration);
      return result;
    },
  };

  function step(
    { model, params, audioPath, outputDir, signal, use }: SeparationRun,
    name: SeparationStep | undefined,
    onProgress: SeparationRun['onProgress'],
  ): Promise<SeparationResult> {
    return registry.run('separation', model, {
      input: { audioPath, limits, outputDir, step: name },
      params,
      signal,
      unlimited: true,
      ...use,
      ...(onProgress && { onEvent: onProgress, mayRepeatEvents: true }),
    });
  }

  /** Each replica takes the next part when it is done with one; who is lost with its replica is taken by another. */
  async function separateTogether(run: SeparationRun, replicas: number): Promise<SeparationResult> {
    await step(run, { name: 'decode' }, run.onProgress);
    await using mix = await openStereoFile(join(run.outputDir, MIX_FILE));
    const parts = partsOf(mix.frames / STEREO_RATE, replicas);
    const done = parts.map(() => 0);
    const failed = new AbortController();
    const signal = AbortSignal.any([run.signal, failed.signal]);
    await forEachLimited(parts, replicas, failed, async (part) => {
      await step({ ...run, signal }, { name: 'part', part }, ({ stage, done: share }) => {
        done[part.index] = share;
        const sum = done.reduce((total, each) => total + each, 0);
        run.onProgress?.({ type: 'progress', stage, done: sum / parts.length });
      });
      done[part.index] = 1;
    });
    const result = await step(run, { name: 'join', parts: parts.length }, undefined);
    await removePieces(run.outputDir);
    return result;
  }
}

/** As many for each replica, none of them long: with a replica that dies, a part at most is lost. */
function partsOf(seconds: number, replicas: number): TrackPart[] {
  const rounds = Math.ceil(seconds / (replicas * LONGEST_PART_SECONDS));
  const count = Math.max(1, Math.min(rounds * replicas, Math.floor(seconds / SHORTEST_PART_SECONDS)));
  return Array.from({ length: count }, (_, index) => ({ index, count }));
}
