import type { GpuSeries } from '@contract/gpus.ts';
import { useMemo } from 'react';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { Chart } from './chart.tsx';
import { axisOf, columnOf, METRICS, type Metric, memoryLayers } from './chart-data.ts';
import type { ChartLine, ChartMarker } from './chart-plot.ts';
import classes from './gpus.module.css';
import { messages } from './messages.ts';

const TONES = { loaded: 'ok', unloaded: 'idle', crashed: 'error', load_failed: 'error' } as const;

export interface GpuChartsProps {
  series: GpuSeries;
  /** Of one GPU the memory is shown by who holds it; of several, each GPU is a line. */
  isOne: boolean;
}

export function GpuCharts({ series, isOne }: GpuChartsProps) {
  const t = useT(messages);
  const format = useFormat();
  const axis = useMemo(() => axisOf(series), [series]);
  const others = t('othersName');
  const lines = useMemo(() => {
    const linesOf = (metric: Metric): ChartLine[] => {
      const [only] = series.gpus;
      if (metric === 'memory' && isOne && only !== undefined) {
        const layers = memoryLayers(only, others);
        return layers.map(({ name, top, own }, layer) => {
          return { name, values: top, own, series: layer === layers.length - 1 ? undefined : (layer % 8) + 1 };
        });
      }
      return series.gpus.map((gpu) => ({
        name: `GPU ${gpu.index}`,
        values: columnOf(gpu, metric),
        series: (gpu.index % 8) + 1,
      }));
    };
    return Object.fromEntries(METRICS.map((metric) => [metric, linesOf(metric)])) as Record<Metric, ChartLine[]>;
  }, [series, isOne, others]);
  const shown = new Set(series.gpus.map(({ uuid }) => uuid));
  const events = series.events.filter(({ device }) => shown.has(device));
  const markers = events.map(({ at, type }): ChartMarker => ({ at, tone: TONES[type] }));
  const unit = (name: string) => (value: number) => `${format.number(Math.round(value))} ${name}`;
  const formats: Record<Metric, (value: number) => string> = {
    memory: format.bytes,
    utilization: unit('%'),
    temperature: unit('°C'),
    power: unit('W'),
  };
  const memoryTotal = Math.max(0, ...series.gpus.map(({ memory_total_bytes }) => memory_total_bytes ?? 0));
  const ends: Partial<Record<Metric, number>> = { memory: memoryTotal || undefined, utilization: 100 } as never;
  return (
    <>
      <div className={classes.charts}>
        {METRICS.map((metric) => (
          <Chart
            key={metric}
            title={t(metric)}
            axis={axis}
            lines={lines[metric]}
            isStacked={metric === 'memory' && isOne}
            markers={markers}
            format={formats[metric]}
            formatTime={(at) => format.time(at).slice(0, 5)}
            timeLabel={t('time')}
            max={ends[metric]}
          />
        ))}
      </div>
      <p className={classes.quiet}>{t('utilizationHelp')}</p>
      {events.length > 0 && (
        <details>
          <summary>{t('events', { count: events.length })}</summary>
          <ul>
            {events.toReversed().map(({ at, type, model, replica, device }) => (
              <li key={`${at} ${type} ${replica}`}>
                {format.time(at)} · {t(type)} · {model} · GPU{' '}
                {series.gpus.find(({ uuid }) => uuid === device)?.index ?? '–'}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
