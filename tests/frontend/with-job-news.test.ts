import { expect, test } from 'vitest';
import type { JobGlance } from '../../backend/src/contract/admin.ts';
import type { Job } from '../../backend/src/contract/jobs.ts';
import { withJobNews } from '../../frontend/src/lib/with-job-news.ts';

const progress = { processed_seconds: 0, total_seconds: 30, eta_seconds: null, stage: null, stage_done: null };
const JOB: Job = {
  id: 'job_1',
  object: 'job',
  task: 'transcription',
  status: 'queued',
  model: 'whisper-tiny',
  created_at: 1,
  started_at: null,
  finished_at: null,
  queue: { position: 3, eta_seconds: 9 },
  progress,
  error: null,
  attempts: 0,
  input: { name: 'a.wav', bytes: 10, available: true },
  rev: 5,
  cached: false,
  metadata: { for: 'x' },
  artifacts: [],
};
const news = (change: Partial<JobGlance>): JobGlance => {
  const { id, object, task, status, model, created_at, started_at, finished_at, error, cached, rev } = JOB;
  return {
    ...{ id, object, task, status, model, created_at, started_at, finished_at, error, cached, rev },
    progress,
    owner: 'key_1',
    ...change,
  };
};

test('what an event tells is newer, and what it does not tell stays', () => {
  const after = withJobNews(JOB, news({ rev: 6, status: 'running', started_at: 2 }));
  expect(after).toEqual({ ...JOB, rev: 6, status: 'running', started_at: 2, queue: null });
});

test('a job that still waits keeps its place', () => {
  expect(withJobNews(JOB, news({ rev: 6 })).queue).toEqual(JOB.queue);
});

test('an older event changes nothing', () => {
  expect(withJobNews(JOB, news({ rev: 5, status: 'cancelled' }))).toBe(JOB);
});
