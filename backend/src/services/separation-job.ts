/** Separations as jobs: from the stored request to the files it leaves. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { STEM_FILES, separationParams } from '../contract/separation.ts';
import type { JobHandler } from '../jobs/job-handler.ts';
import { type AudioWork, keyOfResult } from './audio-jobs.ts';
import { BACKGROUND, STEMS_FOLDER } from './background-work.ts';
import type { SeparationService } from './separation.ts';
import { timeStages } from './time-stages.ts';

/** What a job keeps of the request. */
export const separationJobRequest = z.object({ params: separationParams });
export type SeparationJobRequest = z.infer<typeof separationJobRequest>;

export interface SeparationJobOptions {
  service: SeparationService;
  work: AudioWork<SeparationJobRequest, unknown>;
}

export function createSeparationJob({ service, work }: SeparationJobOptions): JobHandler {
  return async ({ job, inputPath, workDir, signal, enterStage }) => {
    const request = separationJobRequest.parse(job.request);
    const outputDir = join(workDir, STEMS_FOLDER);
    await mkdir(outputDir, { recursive: true, mode: 0o700 });
    const stages = timeStages('decoding', enterStage);
    const result = await service.separate({
      model: job.model,
      params: request.params,
      audioPath: inputPath,
      outputDir,
      signal,
      use: { tenant: job.owner, priority: BACKGROUND },
      onProgress: ({ stage, done }) => stages.enter(stage, done),
    });
    const [model] = (await work.identify(job.model, request)) ?? [];
    const { contentType } = STEM_FILES[request.params.output];
    return {
      result,
      files: result.stems.map(({ file }) => ({ name: file, contentType, content: { path: join(outputDir, file) } })),
      audioSeconds: result.duration,
      requestKey:
        job.input_sha256 === null
          ? undefined
          : await keyOfResult(work, job.owner, { model: job.model, request, inputSha256: job.input_sha256 }),
      provenance: {
        model: { ...(model ?? { id: job.model }) },
        stages: stages.end(model?.device ?? 'unknown'),
      },
    };
  };
}
