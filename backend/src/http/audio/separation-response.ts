/** A finished separation as JSON with the files' addresses, or as a zip of the files. */
import type { Response } from 'express';
import type { SEPARATION_FORMATS, SeparationResult } from '../../contract/separation.ts';
import type { ArtifactStore } from '../../jobs/artifacts.ts';
import { publicJobId } from '../../jobs/job-id.ts';
import type { JobRow, JobService } from '../../jobs/job-service.ts';
import { sendZip } from './zip-response.ts';

export interface SeparationDone {
  job: JobRow;
  result: SeparationResult;
}

export type SeparationAnswer = (
  response: Response,
  done: SeparationDone,
  format: (typeof SEPARATION_FORMATS)[number],
) => Promise<void>;

export function separationAnswer(jobs: JobService, artifacts: ArtifactStore): SeparationAnswer {
  return async (response, { job, result }, format) => {
    const id = publicJobId(job.id);
    const files = await Promise.all(result.stems.map(({ file }) => jobs.artifact(job.owner, id, file)));
    if (format === 'zip') {
      await sendZip(response, { name: 'stems.zip', files, artifacts, seconds: result.duration });
      return;
    }
    response.json({
      id,
      object: 'separation',
      model: job.model,
      duration: result.duration,
      sample_rate: result.sample_rate,
      stems: result.stems.map(({ file, ...stem }, index) => ({
        ...stem,
        url: `/v1/jobs/${id}/artifacts/${file}`,
        content_type: files[index]?.content_type ?? '',
        bytes: files[index]?.bytes ?? 0,
      })),
      residual_db: result.residual_db,
      usage: { type: 'duration', seconds: Math.ceil(result.duration) },
    });
  };
}
