/** A job's audio, on this machine: from the artifact store, or fetched from the URL that the caller gave. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError } from '../errors.ts';
import type { FetchedFile } from '../outbound/fetch-to-file.ts';
import type { JobRow, JobStore } from '../store/jobs.ts';
import type { ArtifactStore } from './artifacts.ts';
import { inputKey } from './input-key.ts';
import { holdAll } from './meter-jobs.ts';
import { ClaimLost } from './window-writer.ts';

export interface InputSource {
  /** @throws what fetching throws; ClaimLost */
  ensure(job: JobRow, signal: AbortSignal): Promise<{ path: string; job: JobRow }>;
}

export interface InputSourceOptions {
  store: JobStore;
  artifacts: ArtifactStore;
  workRoot: string;
  fetch(options: { url: string; path: string; signal: AbortSignal }): Promise<FetchedFile>;
  /** Audio seconds as the container states them. @throws where there is no audio to read. */
  probe(path: string, signal: AbortSignal): Promise<number | undefined>;
  /** Whether the owner's audio seconds are limited: then the container's word is not enough. */
  isTimed(owner: string): Promise<boolean>;
  /** Audio seconds, by decoding all of it. @throws what decoding throws */
  measure(path: string, signal: AbortSignal): Promise<number>;
}

export function createInputSource(options: InputSourceOptions): InputSource {
  const { store, artifacts, workRoot, fetch, probe, isTimed, measure } = options;

  async function fetchInput(job: JobRow, url: string, signal: AbortSignal): Promise<JobRow> {
    const folder = join(workRoot, `${job.id}.input`);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    try {
      const path = join(folder, 'audio');
      const { bytes, sha256, fileName } = await fetch({ url, path, signal });
      const seconds = await probe(path, signal);
      const key = inputKey(job.owner, sha256);
      return await store.transaction(async (transaction) => {
        await store.lockKey(transaction, key);
        await artifacts.putFile(key, path);
        const updated = await store.update(transaction, job, {
          input_key: key,
          input_sha256: sha256,
          input_bytes: bytes,
          input_name: fileName ?? null,
          audio_seconds: seconds ?? null,
        });
        if (updated === undefined) throw new ClaimLost();
        await holdAll(transaction, job, seconds ?? 0);
        return updated;
      });
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  /** What the container did not say is reserved now. */
  async function reserveAll(job: JobRow, path: string, signal: AbortSignal): Promise<JobRow> {
    const seconds = await measure(path, signal);
    return store.transaction(async (transaction) => {
      const updated = await store.update(transaction, job, { audio_seconds: seconds });
      if (updated === undefined) throw new ClaimLost();
      await holdAll(transaction, job, seconds);
      return updated;
    });
  }

  return {
    async ensure(job, signal) {
      const stored = job.input_key === null && job.url !== null ? await fetchInput(job, job.url, signal) : job;
      if (stored.input_key === null) {
        throw new GatewayError('input_deleted', { message: 'The audio of this job has been deleted.' });
      }
      const path = await artifacts.localPath(stored.input_key);
      // Once: a later attempt finds what was reserved.
      if (stored.attempt > 1 && stored.position !== null) return { path, job: stored };
      if (!(await isTimed(stored.owner))) return { path, job: stored };
      return { path, job: await reserveAll(stored, path, signal) };
    },
  };
}
