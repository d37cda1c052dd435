import type { JobOutcome } from '../jobs/job-handler.ts';
import type { JobRow } from '../jobs/job-service.ts';
import { type AudioWork, keyOfResult } from './audio-jobs.ts';
import type { StageTimes } from './time-stages.ts';

/**
 * By which models and stages a job's outcome came about, and the key by which a later request is known to be equal. Ends the
 * last stage.
 */
export async function outcomeOrigin<Q>(
  work: AudioWork<Q, unknown>,
  { job, request, stages }: { job: JobRow; request: Q; stages: Pick<StageTimes, 'end'> },
): Promise<Pick<JobOutcome, 'requestKey' | 'provenance'>> {
  const { model, owner, input_sha256: inputSha256 } = job;
  const [main, ...others] = (await work.identify(model, request)) ?? [];
  // Before the key is made: that is no part of the work.
  const timed = stages.end(main?.device ?? 'unknown');
  return {
    requestKey: inputSha256 === null ? undefined : await keyOfResult(work, owner, { model, request, inputSha256 }),
    provenance: {
      model: { ...(main ?? { id: model }) },
      ...(others.length > 0 ? { further_models: others.map((other) => ({ ...other })) } : {}),
      stages: timed,
    },
  };
}
