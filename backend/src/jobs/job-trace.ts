/** What became of a job, attempt by attempt and stage by stage, from its events. */
import type { JobAttempt, JobEvent, JobStage, JobStatus, JobTask } from '../contract/jobs.ts';

export interface TracedEvent {
  event: JobEvent;
  at: Date;
}

const WAITING = 'queued';
/** The audio is fetched, the model loaded, its turn awaited. */
const PREPARING = 'preparing';

/**
 * A stage lasts until the next one. What a task does not divide has the task's name.
 * @param events in order; those of progress may be left out.
 */
export function traceJob(
  task: JobTask,
  events: readonly TracedEvent[],
): { attempts: JobAttempt[]; stages: JobStage[] } {
  const attempts: JobAttempt[] = [];
  const stages: (Omit<JobStage, 'started_at' | 'seconds'> & { from: Date; to: Date | null })[] = [];
  const end = (at: Date) => {
    const last = stages.at(-1);
    if (last !== undefined) last.to ??= at;
  };
  const begin = (name: string, at: Date, device: string | null = null) => {
    end(at);
    stages.push({ name, attempt: attempts.length, device, from: at, to: null });
  };
  const endAttempt = (at: Date, outcome: JobStatus) => {
    const attempt = attempts.at(-1);
    if (attempt === undefined || attempt.outcome !== 'running') return;
    attempt.finished_at = seconds(at);
    attempt.outcome = outcome;
  };
  for (const { event, at } of events) {
    const stage = stages.at(-1);
    if (event.type === 'job.status' && event.status === 'running') {
      // The gateway of the attempt before ended without a word.
      endAttempt(at, 'queued');
      attempts.push({
        number: attempts.length + 1,
        started_at: seconds(at),
        finished_at: null,
        outcome: 'running',
        devices: [],
      });
      begin(PREPARING, at);
    } else if (event.type === 'job.status') {
      endAttempt(at, event.status);
      if (event.status === 'queued') begin(WAITING, at);
      else end(at);
    } else if (event.type === 'job.placed') {
      const devices = attempts.at(-1)?.devices ?? [];
      if (!devices.includes(event.device)) devices.push(event.device);
      if (stage?.name === PREPARING) begin(task, at, event.device);
      else if (stage !== undefined) stage.device = event.device;
    } else if (event.type === 'job.stage' && stage?.name !== event.stage) {
      begin(event.stage, at, stage?.device ?? null);
    }
  }
  return {
    attempts,
    stages: stages.map(({ from, to, ...stage }) => ({
      ...stage,
      started_at: seconds(from),
      seconds: to === null ? null : Math.round(to.getTime() - from.getTime()) / 1000,
    })),
  };
}

/** Unix seconds, to the millisecond. */
function seconds(date: Date): number {
  return date.getTime() / 1000;
}
