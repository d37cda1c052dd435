/** The series of the last hour as columns for charts; a span without a sample stays a gap. */
import type { GpuSeries } from '@contract/gpus.ts';

export type Column = (number | null)[];
export type Metric = 'memory' | 'utilization' | 'temperature' | 'power';
export const METRICS: readonly Metric[] = ['memory', 'utilization', 'temperature', 'power'];

const FIELDS = {
  memory: 'memory_used_bytes',
  utilization: 'utilization_percent',
  temperature: 'temperature_celsius',
  power: 'power_watts',
} as const;

type SeriesGpu = GpuSeries['gpus'][number];

/** Unix seconds each span begins at. */
export function axisOf({ from, step_seconds, count }: Pick<GpuSeries, 'from' | 'step_seconds' | 'count'>): number[] {
  return Array.from({ length: count }, (_, span) => from + span * step_seconds);
}

/** The greatest of each span: a peak between two samples is not lost. */
export function columnOf(gpu: SeriesGpu, metric: Metric): Column {
  return gpu[FIELDS[metric]].max;
}

/** Latest, least and greatest of the hour; undefined without any sample. */
export function rangeOf(gpu: SeriesGpu, metric: Metric): { last: number; min: number; max: number } | undefined {
  const { min, max, last } = gpu[FIELDS[metric]];
  const told = (column: Column) => column.filter((value) => value !== null);
  const latest = told(last).at(-1);
  if (latest === undefined) return undefined;
  return { last: latest, min: Math.min(...told(min)), max: Math.max(...told(max)) };
}

export interface Layer {
  name: string;
  /** As it is drawn: on top of the layers before it. */
  top: Column;
  /** By itself. */
  own: Column;
}

/**
 * A GPU's memory by who held it, one layer on another: models by name, then what is none of theirs.
 * Where the driver told nothing, no layer has anything.
 */
export function memoryLayers(gpu: SeriesGpu, otherName: string): Layer[] {
  const used = gpu.memory_used_bytes.last;
  const models = [...new Set(gpu.held.map(({ model }) => model))];
  const owns = models.map((model) => {
    const columns = gpu.held.filter((held) => held.model === model).map(({ bytes }) => bytes);
    return { name: model, own: used.map((total, span) => (total === null ? null : sumAt(columns, span))) };
  });
  const held = used.map((_, span) =>
    sumAt(
      owns.map(({ own }) => own),
      span,
    ),
  );
  const other = used.map((total, span) => (total === null ? null : Math.max(0, total - (held[span] ?? 0))));
  let below: Column = used.map((total) => (total === null ? null : 0));
  return [...owns, { name: otherName, own: other }].map(({ name, own }) => {
    const top = below.map((bottom, span) => (bottom === null ? null : bottom + (own[span] ?? 0)));
    below = top;
    return { name, own, top };
  });
}

function sumAt(columns: readonly Column[], span: number): number {
  return columns.reduce((sum, column) => sum + (column[span] ?? 0), 0);
}
