/** Separations as jobs: from the stored request to the files it leaves. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  type AskedStem,
  type SeparationOutput,
  type SeparationResult,
  STEM_FILES,
  separationParams,
  stemFile,
} from '../contract/separation.ts';
import type { JobHandler, OutcomeFile } from '../jobs/job-handler.ts';
import type { ModelRegistry } from '../registry/registry.ts';
import type { AudioWork } from './audio-jobs.ts';
import { BACKGROUND, STEMS_FOLDER } from './background-work.ts';
import { outcomeOrigin } from './outcome-origin.ts';
import type { SeparationService } from './separation.ts';
import { type FindStage, readStage, separationKeys, sourceOf, takeStage } from './stage-results.ts';
import { timeStages } from './time-stages.ts';

/** What a job keeps of the request. */
export const separationJobRequest = z.object({ params: separationParams });
export type SeparationJobRequest = z.infer<typeof separationJobRequest>;

export interface SeparationJobOptions {
  service: SeparationService;
  registry: Pick<ModelRegistry, 'identify'>;
  findStage: FindStage;
  work: AudioWork<SeparationJobRequest, unknown>;
}

export function createSeparationJob({ service, registry, findStage, work }: SeparationJobOptions): JobHandler {
  return async ({ job, inputPath, workDir, signal, placed, enterStage }) => {
    const request = separationJobRequest.parse(job.request);
    const { output } = request.params;
    const outputDir = join(workDir, STEMS_FOLDER);
    await mkdir(outputDir, { recursive: true, mode: 0o700 });
    const stages = timeStages('decoding', enterStage);
    const source = sourceOf(job);
    const asked = { model: job.model, params: request.params };
    const keys = async () => source && separationKeys(registry, source, asked);
    const before = await keys();
    const find = async (key: string) => (job.may_reuse ? findStage(job.owner, key) : undefined);
    /** What an earlier job made of the same audio. */
    const take = async (): Promise<SeparationResult | undefined> => {
      const known = await readStage<SeparationResult>({ find }, before?.whole);
      for (const { stem, file } of known?.stems ?? []) {
        if (!(await takeStage({ find }, before?.stem(stem), join(outputDir, file)))) return undefined;
      }
      if (known !== undefined) stages.skip('separation');
      return known;
    };
    const separate = () =>
      service.separate({
        model: job.model,
        params: request.params,
        audioPath: inputPath,
        outputDir,
        signal,
        use: { tenant: job.owner, priority: BACKGROUND, onPlaced: placed },
        onProgress: ({ stage, done }) => stages.enter(stage, done),
      });
    const result = (await take()) ?? (await separate());
    const after = await keys();
    const origin = await outcomeOrigin(work, { job, request, stages });
    return {
      result,
      stageKey: after?.whole,
      files: result.stems.map(({ stem }) =>
        stemOutcome(stem, { output, folder: outputDir, stageKey: after?.stem(stem) }),
      ),
      audioSeconds: result.duration,
      ...origin,
    };
  };
}

/** A stem's file in `folder`, as an artifact. */
export function stemOutcome(
  stem: AskedStem,
  { output, folder, stageKey }: { output: SeparationOutput; folder: string; stageKey: string | undefined },
): OutcomeFile {
  const name = stemFile(stem, output);
  return { name, contentType: STEM_FILES[output].contentType, content: { path: join(folder, name) }, stageKey };
}
