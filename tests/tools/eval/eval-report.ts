import { addDiarizationErrors, type DiarizationErrors, diarizationErrorRate } from '../../../backend/src/text/der.ts';
import type { Unit } from '../../../backend/src/text/normalize.ts';
import { addErrors, type ErrorCounts, errorRate } from '../../../backend/src/text/wer.ts';
import type { BenchReport } from '../report.ts';
import type { ClipResult, FailedClip, Measure, Result, Scoring } from './evaluate.ts';

/** Error rates up to which the evaluation passes; for `sdr` the least mean SI-SDR improvement in dB, of each source. */
export type Limits = Record<Measure, number>;

type Figures = BenchReport['figures'];
type Of<M extends Measure> = Extract<Result, { measure: M }>;

/**
 * All measures of all clips → the report, with a table for each measure taken. `wer` and `cpwer` are over clips counted in
 * words, `cer` and `cpcer` over those counted in characters, on text normalised as `normalizer` names: all that were used.
 * `der` is the sum of its three parts, as shares of the reference's speech. Separation's are means over clips, in dB. `rtf` is the sum of latencies per second of audio
 * sent, `wallRtf` the whole run's time per second of audio (they differ with concurrency).
 */
export function evalReport(
  results: readonly ClipResult[],
  wallSeconds: number,
  { limits, scoring }: { limits: Limits; scoring: Scoring },
): BenchReport {
  const scored = results.filter(isScored);
  const taken = MEASURES.filter((measure) => results.some((it) => it.measure === measure));
  const rates: Figures = {
    ...textRates(scoredBy(scored, 'wer'), { word: 'wer', character: 'cer' }),
    ...turnRates(scoredBy(scored, 'der'), scoring),
    ...textRates(scoredBy(scored, 'cpwer'), { word: 'cpwer', character: 'cpcer' }),
    ...sourceMeans(scoredBy(scored, 'sdr')),
  };
  const texts = scored.filter((result) => 'normalizer' in result);
  const audioSeconds = sum(scored.map(({ seconds }) => seconds ?? 0));
  const latencySeconds = sum(scored.map((result) => result.latencySeconds));
  const failed = results.length - scored.length;
  return {
    name: 'eval',
    pass:
      failed === 0 &&
      overall(scored).every(([measure, rate]) => rate <= limits[measure]) &&
      isSeparated(scored, limits.sdr),
    figures: {
      ...rates,
      ...limitFigures(taken, limits),
      ...(taken.some((measure) => measure === 'wer' || measure === 'cpwer')
        ? { normalizer: [...new Set(texts.map(({ normalizer }) => normalizer))].sort().join(', ') }
        : {}),
      ...(taken.includes('wer') ? errorFigures(scoredBy(scored, 'wer')) : {}),
      clips: new Set(results.map(({ clip }) => clip)).size,
      failed,
      audioSeconds: round(audioSeconds, 1),
      ...(audioSeconds === 0 ? {} : { rtf: round(latencySeconds / audioSeconds, 4) }),
      ...(audioSeconds === 0 ? {} : { wallRtf: round(wallSeconds / audioSeconds, 4) }),
      wallSeconds: round(wallSeconds, 2),
    },
    table: taken.flatMap((measure, i) => [
      ...(i === 0 ? [] : [[]]),
      [...HEADERS[measure]],
      ...results.filter((result) => result.measure === measure).flatMap(rows),
    ]),
  };
}

const MEASURES = ['wer', 'der', 'cpwer', 'sdr'] as const;

const HEADERS: Record<Measure, readonly string[]> = {
  wer: ['clip', 'audio s', 'error rate', 'unit', 'S', 'I', 'D', 'latency s', 'RTF'],
  der: ['clip', 'audio s', 'DER', 'miss', 'false alarm', 'confusion', 'speech s', 'speakers', 'latency s', 'RTF'],
  cpwer: ['clip', 'audio s', 'cp error rate', 'unit', 'S', 'I', 'D', 'speakers', 'latency s', 'RTF'],
  sdr: ['clip', 'audio s', 'source', 'SI-SDR dB', 'SI-SDRi dB', 'SDR dB', 'SDRi dB', 'latency s', 'RTF'],
};

function rows(result: ClipResult): string[][] {
  const seconds = result.seconds?.toFixed(1) ?? '?';
  if ('failure' in result) return [[result.clip.name, seconds, `FAILED: ${result.failure}`]];
  const rtf = result.seconds === undefined ? '?' : (result.latencySeconds / result.seconds).toFixed(3);
  return cells(result).map((row) => [result.clip.name, seconds, ...row, result.latencySeconds.toFixed(2), rtf]);
}

/** Between the clip and the time it took: a row of its own for each source. */
function cells(result: Result): string[][] {
  switch (result.measure) {
    case 'wer':
      return [[percent(errorRate(result.errors)), result.unit, ...counts(result.errors)]];
    case 'cpwer':
      return [[percent(errorRate(result.errors)), result.unit, ...counts(result.errors), found(result.speakers)]];
    case 'der': {
      const { der, ...parts } = shares(result.errors);
      const rates = [der, ...Object.values(parts)].map(percent);
      return [[...rates, result.errors.reference.toFixed(1), found(result.speakers)]];
    }
    case 'sdr':
      return [...result.sources].map(([source, scores]) => [source, ...SCORES.map((name) => scores[name].toFixed(2))]);
  }
}

/** In the order of the table's columns. */
const SCORES = ['siSdr', 'siSdrImprovement', 'sdr', 'sdrImprovement'] as const;

/** Of each source the means over the clips that have it; those where it is silent have no ratio and are left out. */
function sourceMeans(results: readonly Of<'sdr'>[]): Figures {
  const sources = new Set(results.flatMap((result) => [...result.sources.keys()]));
  return Object.fromEntries(
    [...sources].flatMap((source) =>
      SCORES.map((score) => [`${source} ${score}`, round(meanOf(results, source, score), 2)]),
    ),
  );
}

function meanOf(results: readonly Of<'sdr'>[], source: string, score: (typeof SCORES)[number]): number {
  const values = results.map(({ sources }) => sources.get(source)?.[score] ?? Number.NaN);
  const known = values.filter((value) => !Number.isNaN(value));
  return sum(known) / known.length;
}

/** Whether every source is at least so much closer than the mixture was. */
function isSeparated(scored: readonly Result[], least: number): boolean {
  const results = scoredBy(scored, 'sdr');
  const sources = new Set(results.flatMap((result) => [...result.sources.keys()]));
  return [...sources].every((source) => !(meanOf(results, source, 'siSdrImprovement') < least));
}

function found({ reference, hypothesis }: { reference: number; hypothesis: number }): string {
  return `${hypothesis} of ${reference}`;
}

function counts({ substitutions, insertions, deletions }: ErrorCounts): string[] {
  return [substitutions, insertions, deletions].map(String);
}

function isScored(result: ClipResult): result is Exclude<ClipResult, FailedClip> {
  return !('failure' in result);
}

function scoredBy<M extends Measure>(scored: readonly Result[], measure: M): Of<M>[] {
  return scored.filter((result): result is Of<M> => result.measure === measure);
}

/** Each measure's rates over all clips. */
function overall(scored: readonly Result[]): [Measure, number][] {
  return [
    ...unitRates(scoredBy(scored, 'wer')).map(([, rate]): [Measure, number] => ['wer', rate]),
    ...unitRates(scoredBy(scored, 'cpwer')).map(([, rate]): [Measure, number] => ['cpwer', rate]),
    ['der', shares(addDiarizationErrors(scoredBy(scored, 'der').map(({ errors }) => errors))).der],
  ];
}

function unitRates(results: readonly (Of<'wer'> | Of<'cpwer'>)[]): [Unit, number][] {
  return (['word', 'character'] as const).flatMap((unit): [Unit, number][] => {
    const counted = results.filter((result) => result.unit === unit);
    return counted.length === 0 ? [] : [[unit, errorRate(addErrors(counted.map(({ errors }) => errors)))]];
  });
}

function textRates(results: readonly (Of<'wer'> | Of<'cpwer'>)[], names: Record<Unit, string>): Figures {
  return Object.fromEntries(unitRates(results).map(([unit, rate]) => [names[unit], round(rate, 4)]));
}

function turnRates(results: readonly Of<'der'>[], { diarization }: Scoring): Figures {
  if (results.length === 0) return {};
  const rates = Object.entries(shares(addDiarizationErrors(results.map(({ errors }) => errors))));
  return {
    ...Object.fromEntries(rates.map(([name, rate]) => [name, round(rate, 4)])),
    collar: diarization.collar,
    skipOverlap: String(diarization.skipOverlap),
  };
}

/** The rate and its three parts. */
function shares(errors: DiarizationErrors) {
  const { miss, falseAlarm, confusion } = errors;
  const share = (seconds: number) =>
    diarizationErrorRate({ miss: 0, falseAlarm: 0, confusion: seconds, reference: errors.reference });
  return {
    der: diarizationErrorRate(errors),
    miss: share(miss),
    falseAlarm: share(falseAlarm),
    confusion: share(confusion),
  };
}

function errorFigures(results: readonly Of<'wer'>[]): Figures {
  const { substitutions, insertions, deletions } = addErrors(results.map(({ errors }) => errors));
  return { substitutions, insertions, deletions };
}

function limitFigures(taken: readonly Measure[], limits: Limits): Figures {
  const names = { wer: 'maxWer', der: 'maxDer', cpwer: 'maxCpwer', sdr: 'minSiSdrImprovement' };
  const limited = taken.filter((measure) => Number.isFinite(limits[measure]));
  return Object.fromEntries(limited.map((measure) => [names[measure], limits[measure]]));
}

function percent(rate: number): string {
  return `${(100 * rate).toFixed(1)} %`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
