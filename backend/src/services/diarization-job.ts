/** Diarizations as jobs: from the stored request to the files it leaves. */
import { join } from 'node:path';
import { z } from 'zod';
import { DIARIZATION_FORMATS, type DiarizationResult, diarizationRequest } from '../contract/diarization.ts';
import type { JobHandler } from '../jobs/job-handler.ts';
import type { ModelRegistry } from '../registry/registry.ts';
import { rttmName, writeRttm } from '../text/rttm.ts';
import type { AudioWork } from './audio-jobs.ts';
import { BACKGROUND, PCM_FILE } from './background-work.ts';
import type { DiarizationService } from './diarization.ts';
import { collectStages } from './made-stages.ts';
import { outcomeOrigin } from './outcome-origin.ts';
import { diarizationKey, type FindStage, readStage } from './stage-results.ts';
import { timeStages } from './time-stages.ts';

/** What a job keeps of the request. */
export const diarizationJobRequest = z.object({ format: z.enum(DIARIZATION_FORMATS), diarize: diarizationRequest });
export type DiarizationJobRequest = z.infer<typeof diarizationJobRequest>;

export interface DiarizationJobOptions {
  service: DiarizationService;
  registry: Pick<ModelRegistry, 'identify'>;
  findStage: FindStage;
  work: AudioWork<DiarizationJobRequest, unknown>;
}

export function createDiarizationJob({ service, registry, findStage, work }: DiarizationJobOptions): JobHandler {
  return async ({ job, inputPath, workDir, signal, placed, enterStage }) => {
    const request = diarizationJobRequest.parse(job.request);
    const stages = timeStages('decoding', enterStage);
    const made = collectStages(job, findStage, stages.skip);
    const key = async () => made && diarizationKey(registry, made.reuse, request);
    const known = made && (await readStage<DiarizationResult>(made.reuse, await key()));
    if (known !== undefined) stages.skip('diarization');
    const diarize = () =>
      service.diarize({
        request: request.diarize,
        audioPath: inputPath,
        pcmPath: join(workDir, PCM_FILE),
        signal,
        unlimited: true,
        use: { tenant: job.owner, priority: BACKGROUND, onPlaced: placed },
        onProgress: ({ stage, done }) => stages.enter(stage, done),
      });
    const result = known ?? (await diarize());
    const origin = await outcomeOrigin(work, { job, request, stages });
    const rttm = writeRttm(
      'audio',
      result.turns.map((turn) => ({ ...turn, speaker: rttmName(turn.speaker) })),
    );
    return {
      result,
      stageKey: await key(),
      files: [{ name: 'speakers.rttm', contentType: 'text/plain; charset=utf-8', content: rttm }],
      audioSeconds: result.duration,
      ...origin,
    };
  };
}
