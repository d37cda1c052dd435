import type { Unit } from '../../../backend/src/text/normalize.ts';
import { addErrors, type ErrorCounts, errorRate } from '../../../backend/src/text/wer.ts';
import type { BenchReport } from '../report.ts';
import type { ClipResult, ScoredClip } from './evaluate.ts';

/**
 * All clips' results → the report. `wer` is over clips counted in words, `cer` over those counted in characters, on text
 * normalised as `normalizer` names: all that were used. `rtf` is the sum of latencies per second of audio, `wallRtf` the whole run's time per
 * second of audio (they differ with concurrency).
 */
export function evalReport(results: readonly ClipResult[], wallSeconds: number, maxErrorRate: number): BenchReport {
  const scored = results.filter((result): result is ScoredClip => !('failure' in result));
  const rateOf = (unit: Unit): number | undefined => {
    const counted = scored.filter((result) => result.unit === unit);
    return counted.length === 0 ? undefined : errorRate(addErrors(counted.map(({ errors }) => errors)));
  };
  const rates = { wer: rateOf('word'), cer: rateOf('character') };
  const audioSeconds = sum(scored.map(({ seconds }) => seconds ?? 0));
  const latencySeconds = sum(scored.map((result) => result.latencySeconds));
  const failed = results.length - scored.length;
  const { substitutions, insertions, deletions } = addErrors(scored.map(({ errors }) => errors));
  return {
    name: 'eval',
    pass: failed === 0 && Object.values(rates).every((rate) => rate === undefined || rate <= maxErrorRate),
    figures: {
      ...(rates.wer === undefined ? {} : { wer: round(rates.wer, 4) }),
      ...(rates.cer === undefined ? {} : { cer: round(rates.cer, 4) }),
      ...(Number.isFinite(maxErrorRate) ? { maxWer: maxErrorRate } : {}),
      normalizer: [...new Set(scored.map(({ normalizer }) => normalizer))].sort().join(', '),
      substitutions,
      insertions,
      deletions,
      clips: results.length,
      failed,
      audioSeconds: round(audioSeconds, 1),
      ...(audioSeconds === 0 ? {} : { rtf: round(latencySeconds / audioSeconds, 4) }),
      ...(audioSeconds === 0 ? {} : { wallRtf: round(wallSeconds / audioSeconds, 4) }),
      wallSeconds: round(wallSeconds, 2),
    },
    table: [['clip', 'audio s', 'error rate', 'unit', 'S', 'I', 'D', 'latency s', 'RTF'], ...results.map(row)],
  };
}

function row(result: ClipResult): string[] {
  const seconds = result.seconds?.toFixed(1) ?? '?';
  if ('failure' in result) return [result.clip.name, seconds, `FAILED: ${result.failure}`];
  const { clip, unit, errors, latencySeconds } = result;
  const rtf = result.seconds === undefined ? '?' : (latencySeconds / result.seconds).toFixed(3);
  return [clip.name, seconds, percent(errors), unit, ...counts(errors), latencySeconds.toFixed(2), rtf];
}

function counts({ substitutions, insertions, deletions }: ErrorCounts): string[] {
  return [substitutions, insertions, deletions].map(String);
}

function percent(errors: ErrorCounts): string {
  return `${(100 * errorRate(errors)).toFixed(1)} %`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
