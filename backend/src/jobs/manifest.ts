/** The record of how a result came about; written once beside it, and kept when the audio goes. */
import type { JobError } from '../contract/jobs.ts';
import type { ArtifactRow, JobRow } from '../store/jobs.ts';
import type { ArtifactStore } from './artifacts.ts';
import { publicJobId } from './job-id.ts';

export interface Provenance {
  /** The model as it was loaded: id, repository, commit, files with their hashes, precision, device. */
  model: Record<string, unknown>;
  /** Where the work took several: the others. */
  further_models?: readonly Record<string, unknown>[];
  /** Of what was computed, in order. */
  stages: readonly Stage[];
}

export interface Stage {
  name: string;
  started_at: string;
  seconds: number;
  device: string;
  /** An earlier job's result was taken. */
  reused?: true;
}

export interface ManifestFile {
  name: string;
  bytes: number;
  sha256: string;
}

export interface ManifestParts {
  job: JobRow;
  /** undefined: nothing was computed. */
  provenance: Provenance | undefined;
  outputs: readonly ManifestFile[];
  /** Why there are no outputs. */
  error?: JobError | undefined;
  /** Job whose result was taken. */
  takenFrom?: string | undefined;
  softwareVersion: string;
}

/** @returns the row that names it. */
export async function putManifest(artifacts: ArtifactStore, parts: ManifestParts): Promise<ArtifactRow> {
  const { job } = parts;
  // Whoever works on it when it is cancelled may be writing one of its own.
  const which = job.status === 'cancelled' ? 'cancelled' : String(job.attempt);
  const key = `jobs/${job.id}/${which}-manifest.json`;
  const stored = await artifacts.put(key, manifestOf(parts));
  return { job_id: job.id, name: 'manifest.json', key, content_type: 'application/json', stage_key: null, ...stored };
}

function manifestOf({ job, provenance, outputs, takenFrom, error, softwareVersion }: ManifestParts): string {
  const manifest = {
    manifest_version: 1,
    job: {
      id: publicJobId(job.id),
      task: job.task,
      created_at: job.created_at,
      started_at: job.started_at,
      attempts: job.attempt,
    },
    input: { name: job.input_name, sha256: job.input_sha256, bytes: job.input_bytes, seconds: job.audio_seconds },
    model: provenance?.model ?? { id: job.model },
    parameters: job.request,
    ...(provenance?.further_models === undefined ? {} : { further_models: provenance.further_models }),
    stages: provenance?.stages ?? [],
    outputs: outputs.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    ...(error === undefined ? {} : { error }),
    ...(job.status === 'cancelled' ? { cancelled: true } : {}),
    ...(takenFrom === undefined ? {} : { taken_from_job: takenFrom }),
    software: { name: 'audio-gateway', version: softwareVersion },
  };
  // The record is kept for long, and names whom it was about: not how they sound.
  return `${JSON.stringify(manifest, (name, value) => (name === 'voiceprint' ? undefined : value), 2)}\n`;
}
