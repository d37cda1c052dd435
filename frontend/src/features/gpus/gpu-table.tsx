import type { GpuSeries } from '@contract/gpus.ts';
import { ScrollRegion } from '../../components/scroll-region.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { METRICS, type Metric, rangeOf } from './chart-data.ts';
import classes from './gpus.module.css';
import { messages } from './messages.ts';

/** What the charts show, in figures: now, and between which values over the hour. */
export function GpuTable({ series }: { series: GpuSeries }) {
  const t = useT(messages);
  const format = useFormat();
  const unit = (name: string) => (value: number) => `${format.number(Math.round(value))} ${name}`;
  const formats: Record<Metric, (value: number) => string> = {
    memory: format.bytes,
    utilization: unit('%'),
    temperature: unit('°C'),
    power: unit('W'),
  };
  return (
    <ScrollRegion className={classes.scroll} label={t('lastHourTable')}>
      <table className={classes.table}>
        <caption className={classes.quiet}>{t('tableHelp')}</caption>
        <thead>
          <tr>
            <th scope="col">GPU</th>
            {METRICS.map((metric) => (
              <th key={metric} scope="col">
                {t(metric)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {series.gpus.map((gpu) => (
            <tr key={gpu.uuid}>
              <th scope="row">GPU {gpu.index}</th>
              {METRICS.map((metric) => {
                const range = rangeOf(gpu, metric);
                const tell = formats[metric];
                return (
                  <td key={metric}>
                    {range === undefined ? '–' : `${tell(range.last)} (${tell(range.min)} – ${tell(range.max)})`}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollRegion>
  );
}
