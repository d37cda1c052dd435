/** Attempts and stages of a job, from what was told of it. */
import { describe, expect, it } from 'vitest';
import type { JobEvent, JobStatus } from '../../backend/src/contract/jobs.ts';
import { traceJob } from '../../backend/src/jobs/job-trace.ts';

const status = (at: number, value: JobStatus) => ({ at, event: { type: 'job.status', status: value, error: null } });
const stage = (at: number, name: string) => ({ at, event: { type: 'job.stage', stage: name, done: 0 } });
const placed = (at: number, device: string) => ({ at, event: { type: 'job.placed', device } });

function trace(told: { at: number; event: object }[]) {
  const events = told.map(({ at, event }) => ({ at: new Date(1000 * at), event: event as JobEvent }));
  const { attempts, stages } = traceJob('transcription', events);
  return {
    attempts: attempts.map(({ number, started_at, finished_at, outcome, devices }) =>
      [number, started_at, finished_at, outcome, ...devices].join(' '),
    ),
    stages: stages.map(({ name, attempt, started_at, seconds, device }) =>
      [name, attempt, started_at, seconds, device].join(' '),
    ),
  };
}

describe('the trace of a job', () => {
  it('has the wait, the preparation and the work, each up to the next', () => {
    expect(trace([status(1, 'queued'), status(3, 'running'), placed(4.5, 'cpu'), status(9, 'succeeded')])).toEqual({
      attempts: ['1 3 9 succeeded cpu'],
      stages: ['queued 0 1 2 ', 'preparing 1 3 1.5 ', 'transcription 1 4.5 4.5 cpu'],
    });
  });

  it('has the stages of the task by their names, with the device of each', () => {
    const told = [status(0, 'queued'), status(1, 'running'), stage(1, 'decoding'), placed(2, 'cuda:0')];
    told.push(stage(5, 'decoding'), stage(6, 'clustering'), placed(7, 'cpu'));
    expect(trace(told)).toEqual({
      attempts: ['1 1  running cuda:0 cpu'],
      stages: ['queued 0 0 1 ', 'preparing 1 1 0 ', 'decoding 1 1 5 cuda:0', 'clustering 1 6  cpu'],
    });
  });

  it('has each attempt: one that went back, one whose gateway died, and one after a retry', () => {
    const told = [status(0, 'queued'), status(1, 'running'), status(2, 'queued'), status(3, 'running')];
    told.push(status(5, 'running'), status(6, 'failed'), status(8, 'queued'), status(9, 'running'));
    expect(trace(told)).toEqual({
      attempts: ['1 1 2 queued', '2 3 5 queued', '3 5 6 failed', '4 9  running'],
      stages: [
        'queued 0 0 1 ',
        'preparing 1 1 1 ',
        'queued 1 2 1 ',
        'preparing 2 3 2 ',
        'preparing 3 5 1 ',
        'queued 3 8 1 ',
        'preparing 4 9  ',
      ],
    });
  });
});
