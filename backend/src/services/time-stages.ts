/** How long each stage of a job's work takes, as the job's manifest tells. */
import type { Stage } from '../jobs/manifest.ts';

export interface StageTimes {
  /** The work is at that stage; of the same one, how much is done. */
  enter(stage: string, done: number): void;
  /** The work of that stage was done by an earlier job. */
  skip(stage: string): void;
  /** All stages in order; the last one ends now. */
  end(device: string): Stage[];
}

/** The first stage begins now. @param tell is told what `enter` is told */
export function timeStages(first: string, tell: (stage: string, done: number) => void): StageTimes {
  const begin = (name: string, reused = false) => ({ name, reused, at: new Date(), from: performance.now() });
  const begun = [begin(first)];
  return {
    enter(name, done) {
      if (begun.at(-1)?.name !== name) begun.push(begin(name));
      tell(name, done);
    },
    skip(name) {
      begun.push(begin(name, true));
    },
    end(device) {
      const now = performance.now();
      return begun.map(({ name, reused, at, from }, index) => ({
        name,
        started_at: at.toISOString(),
        seconds: Math.round((begun[index + 1]?.from ?? now) - from) / 1000,
        device,
        ...(reused ? { reused } : {}),
      }));
    },
  };
}
