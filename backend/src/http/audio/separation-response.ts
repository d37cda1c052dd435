/** A finished separation as JSON with the files' addresses, or as a zip of the files. */
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { ZipFile } from 'yazl';
import type { SEPARATION_FORMATS, SeparationResult } from '../../contract/separation.ts';
import type { ArtifactStore } from '../../jobs/artifacts.ts';
import { publicJobId } from '../../jobs/job-id.ts';
import type { JobRow, JobService } from '../../jobs/job-service.ts';
import { contextOf } from '../request-context.ts';

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
      await sendZip(response, files, artifacts, result.duration);
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

/** The files as they are: audio hardly gets smaller. One after the other, so that few are open. */
async function sendZip(
  response: Response,
  files: readonly { name: string; key: string; bytes: number }[],
  artifacts: ArtifactStore,
  seconds: number,
): Promise<void> {
  const { signal } = contextOf(response);
  const zip = new ZipFile();
  response.type('application/zip').set({
    'content-disposition': 'attachment; filename="stems.zip"',
    'x-content-type-options': 'nosniff',
    'x-audio-seconds': String(Math.ceil(seconds)),
  });
  const sent = pipeline(zip.outputStream, response, { signal });
  const add = async () => {
    for (const { name, key, bytes } of files) {
      const content = await artifacts.get(key);
      zip.addReadStream(content, name, { compress: false, size: bytes });
      await once(content, 'close', { signal });
    }
    zip.end();
  };
  await Promise.all([sent, add()]).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
