import { expect, test } from 'vitest';
import { deltaOf, metricsOf, realTimeFactor } from '../../../frontend/src/features/evaluate/metrics.ts';

const stage = (name: string, seconds: number | null) => ({ name, attempt: 1, started_at: 0, seconds, device: null });

test('the real-time factor is that of the work, without waiting and loading', () => {
  const stages = [stage('queued', 9), stage('preparing', 5), stage('decoding', 1), stage('transcription', 2)];
  expect(realTimeFactor({ stages }, 10)).toBeCloseTo(0.3);
  expect(realTimeFactor({ stages }, 0)).toBeUndefined();
  expect(realTimeFactor({ stages: stages.slice(0, 2) }, 10)).toBeUndefined();
});

test('less is better, and of one side alone nothing is said', () => {
  const delta = (a: number | undefined, b: number | undefined) =>
    deltaOf({ name: 'wer', unit: 'share', values: [a, b] });
  expect(delta(0.2, 0.1)).toEqual({ value: -0.1, better: 'b' });
  expect(delta(1, 3)).toEqual({ value: 2, better: 'a' });
  expect(delta(1, 1)).toEqual({ value: 0, better: 'same' });
  expect(delta(1, undefined)).toBeUndefined();
  expect(metricsOf(undefined, [1, 2])).toEqual([{ name: 'rtf', unit: 'factor', values: [1, 2] }]);
});
