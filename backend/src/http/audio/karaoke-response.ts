/** A finished transcription's karaoke bundle: vocals, instrumental and lyrics as one zip. */
import type { Response } from 'express';
import type { TranscriptionResult } from '../../contract/transcription.ts';
import { GatewayError } from '../../errors.ts';
import type { ArtifactStore } from '../../jobs/artifacts.ts';
import { publicJobId } from '../../jobs/job-id.ts';
import type { JobRow, JobService } from '../../jobs/job-service.ts';
import { karaokeBundle, transcriptionRequest } from '../../services/transcription-job.ts';
import { sendZip } from './zip-response.ts';

/** @throws invalid_value for a job that was not asked for it */
export type KaraokeAnswer = (response: Response, done: { job: JobRow; result: TranscriptionResult }) => Promise<void>;

export function karaokeAnswer(jobs: JobService, artifacts: ArtifactStore): KaraokeAnswer {
  return async (response, { job, result }) => {
    const names = karaokeBundle(transcriptionRequest.parse(job.request).params);
    if (names.length === 0) {
      throw new GatewayError('invalid_value', {
        message: "Invalid value for 'response_format': the job was not asked for a karaoke bundle.",
        param: 'response_format',
      });
    }
    const files = await Promise.all(names.map((name) => jobs.artifact(job.owner, publicJobId(job.id), name)));
    await sendZip(response, { name: 'karaoke.zip', files, artifacts, seconds: result.duration });
  };
}
