/** What the stages of a running job made, for its artifacts: there later jobs find it. */
import type { AskedStem } from '../contract/separation.ts';
import type { OutcomeFile } from '../jobs/job-handler.ts';
import type { JobRow } from '../jobs/job-service.ts';
import { type FindStage, type StageName, type StageReuse, sourceOf } from './stage-results.ts';

export const STAGES: readonly StageName[] = ['separation', 'transcription', 'diarization'];

export interface MadeStages {
  reuse: StageReuse;
  keyOf(what: StageName | AskedStem): string | undefined;
  /** A JSON file for each of these that there was. */
  files(stages: readonly StageName[]): OutcomeFile[];
}

/** Undefined while the audio has no hash. A job that shall compute all anew leaves its results, and takes none. */
export function collectStages(
  job: JobRow,
  find: FindStage,
  onReused: (stage: StageName) => void,
): MadeStages | undefined {
  const source = sourceOf(job);
  if (source === undefined) return undefined;
  const keys = new Map<string, string | undefined>();
  const results = new Map<StageName, object>();
  return {
    reuse: {
      ...source,
      find: async (key) => (job.may_reuse ? find(source.owner, key) : undefined),
      onReused,
      onResult(stage, result, key) {
        results.set(stage, result);
        keys.set(stage, key);
      },
      onStem: (stem, key) => void keys.set(stem, key),
    },
    keyOf: (what) => keys.get(what),
    files: (stages) =>
      stages.flatMap((stage) => {
        const result = results.get(stage);
        if (result === undefined) return [];
        const content = JSON.stringify(result);
        return [{ name: `${stage}.json`, contentType: 'application/json', content, stageKey: keys.get(stage) }];
      }),
  };
}
