/** Results of stages among the artifacts of jobs: who deletes the job, by its age or for the sake of its owner, deletes them. */
import { GatewayError } from '../errors.ts';
import type { JobStore } from '../store/jobs.ts';
import type { ArtifactStore } from './artifacts.ts';

/** Path, on this machine, of what a job of the owner left under that key; undefined where there is none. */
export function createFindStage(store: Pick<JobStore, 'findStage'>, artifacts: Pick<ArtifactStore, 'localPath'>) {
  return async (owner: string, stageKey: string): Promise<string | undefined> => {
    const key = await store.findStage(owner, stageKey);
    if (key === undefined) return undefined;
    try {
      return await artifacts.localPath(key);
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'artifact_not_found') return undefined;
      throw error;
    }
  };
}
