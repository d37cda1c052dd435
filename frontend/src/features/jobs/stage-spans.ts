/** Where each stage of a job lies on the line from its first to its last moment. */
import type { JobStage } from '@contract/jobs.ts';

export interface StageSpan extends JobStage {
  /** 0 … 1 of the whole. */
  offset: number;
  width: number;
  /** What it took so far. */
  elapsedSeconds: number;
}

/** @param now Unix seconds: where a stage that goes on has come to. */
export function stageSpans(stages: readonly JobStage[], now: number): StageSpan[] {
  const ends = stages.map(({ started_at, seconds }) => (seconds === null ? now : started_at + seconds));
  const start = Math.min(...stages.map(({ started_at }) => started_at));
  const whole = Math.max(...ends) - start;
  return stages.map((stage, index) => {
    const elapsedSeconds = Math.max(0, (ends[index] ?? stage.started_at) - stage.started_at);
    return {
      ...stage,
      elapsedSeconds,
      offset: whole > 0 ? (stage.started_at - start) / whole : 0,
      width: whole > 0 ? elapsedSeconds / whole : 1,
    };
  });
}
