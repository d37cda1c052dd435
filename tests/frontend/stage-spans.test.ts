import { expect, test } from 'vitest';
import { stageSpans } from '../../frontend/src/features/jobs/stage-spans.ts';

const stage = (name: string, started_at: number, seconds: number | null) => ({
  name,
  attempt: 1,
  started_at,
  seconds,
  device: null,
});

test('stages share the line from the first moment to the last', () => {
  const spans = stageSpans([stage('queued', 100, 2), stage('preparing', 102, 3), stage('merge', 105, 5)], 999);
  expect(spans.map(({ offset, width, elapsedSeconds }) => [offset, width, elapsedSeconds])).toEqual([
    [0, 0.2, 2],
    [0.2, 0.3, 3],
    [0.5, 0.5, 5],
  ]);
});

test('a stage that goes on has come to now', () => {
  const [, running] = stageSpans([stage('queued', 100, 5), stage('transcription', 105, null)], 110);
  expect([running?.offset, running?.width, running?.elapsedSeconds]).toEqual([0.5, 0.5, 5]);
});

test('stages of no length at all are still drawn', () => {
  expect(stageSpans([stage('queued', 100, 0)], 100)[0]?.width).toBe(1);
});
