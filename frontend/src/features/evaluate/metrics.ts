/** Figures of both sides, with what lies between them. */
import type { Evaluation } from '@contract/evaluations.ts';
import type { JobTrace } from '@contract/jobs.ts';

export type MetricName =
  | 'wer'
  | 'cer'
  | 'substitutions'
  | 'deletions'
  | 'insertions'
  | 'der'
  | 'miss'
  | 'falseAlarm'
  | 'confusion'
  | 'rtf';

export interface Metric {
  name: MetricName;
  unit: 'share' | 'count' | 'seconds' | 'factor';
  /** Of A and B; undefined where there is none. Less is better, of every one. */
  values: readonly [number | undefined, number | undefined];
}

/** Seconds of work for each second of audio, without waiting, decoding the upload and loading the model. */
export function realTimeFactor({ stages }: Pick<JobTrace, 'stages'>, duration: number): number | undefined {
  const work = stages.filter(({ name }) => name !== 'queued' && name !== 'preparing');
  const seconds = work.reduce((sum, stage) => sum + (stage.seconds ?? 0), 0);
  return duration > 0 && work.length > 0 ? seconds / duration : undefined;
}

/** @param factors real-time factors of A and B */
export function metricsOf(
  evaluation: Evaluation | undefined,
  factors: readonly [number | undefined, number | undefined],
): Metric[] {
  const metrics: Metric[] = [];
  if (evaluation?.kind === 'text') {
    const [a, b] = evaluation.results;
    metrics.push(
      { name: 'wer', unit: 'share', values: [a?.wer.rate, b?.wer.rate] },
      { name: 'cer', unit: 'share', values: [a?.cer?.rate, b?.cer?.rate] },
      { name: 'substitutions', unit: 'count', values: [a?.wer.substitutions, b?.wer.substitutions] },
      { name: 'deletions', unit: 'count', values: [a?.wer.deletions, b?.wer.deletions] },
      { name: 'insertions', unit: 'count', values: [a?.wer.insertions, b?.wer.insertions] },
    );
  }
  if (evaluation?.kind === 'speakers') {
    const [a, b] = evaluation.results;
    metrics.push(
      { name: 'der', unit: 'share', values: [a?.der, b?.der] },
      { name: 'miss', unit: 'seconds', values: [a?.miss, b?.miss] },
      { name: 'falseAlarm', unit: 'seconds', values: [a?.false_alarm, b?.false_alarm] },
      { name: 'confusion', unit: 'seconds', values: [a?.confusion, b?.confusion] },
    );
  }
  return [...metrics, { name: 'rtf', unit: 'factor', values: factors }];
}

/** B less A, and which of them is better; undefined where one is missing. */
export function deltaOf({ values: [a, b] }: Metric): { value: number; better: 'a' | 'b' | 'same' } | undefined {
  if (a === undefined || b === undefined) return undefined;
  const value = b - a;
  return { value, better: value === 0 ? 'same' : value < 0 ? 'b' : 'a' };
}
