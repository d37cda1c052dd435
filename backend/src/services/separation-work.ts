/** Separations as work on audio: always a job, since they leave files. */
import type { SeparationResult } from '../contract/separation.ts';
import type { ModelRegistry } from '../registry/registry.ts';
import type { AudioWork } from './audio-jobs.ts';
import type { SeparationService } from './separation.ts';
import type { SeparationJobRequest } from './separation-job.ts';

export function separationWork(
  service: SeparationService,
  registry: ModelRegistry,
): AudioWork<SeparationJobRequest, SeparationResult> {
  return {
    taskOf: () => 'separation',
    modelId: (model) => service.modelId(model),
    paramsOf: ({ params }) => params,
    identify: async (model) => {
      const identity = await registry.identify(model, 'separation');
      return identity && [identity];
    },
  };
}
