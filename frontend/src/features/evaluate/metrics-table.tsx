import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './evaluate.module.css';
import { messages } from './messages.ts';
import { deltaOf, type Metric } from './metrics.ts';

/** Both sides beside each other; what is better says so by word and colour. */
export function MetricsTable({ metrics }: { metrics: readonly Metric[] }) {
  const t = useT(messages);
  const { number } = useFormat();
  const show = (value: number | undefined, unit: Metric['unit'], sign: 'auto' | 'exceptZero' = 'auto') =>
    value === undefined ? '–' : number(value, { ...STYLES[unit], signDisplay: sign });
  return (
    <table className={classes.table}>
      <caption className={classes.dimmed}>{t('lessIsBetter')}</caption>
      <thead>
        <tr>
          <th scope="col">{t('metric')}</th>
          <th scope="col">A</th>
          <th scope="col">B</th>
          <th scope="col">B − A</th>
        </tr>
      </thead>
      <tbody>
        {metrics.map((metric) => {
          const delta = deltaOf(metric);
          return (
            <tr key={metric.name}>
              <th scope="row">{t(`metric_${metric.name}`)}</th>
              <td>{show(metric.values[0], metric.unit)}</td>
              <td>{show(metric.values[1], metric.unit)}</td>
              <td
                className={delta?.better === 'b' ? classes.better : delta?.better === 'a' ? classes.worse : undefined}
              >
                {show(delta?.value, metric.unit, 'exceptZero')}
                {delta !== undefined && delta.better !== 'same' && ` ${t(`better_${delta.better}`)}`}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

const STYLES: Record<Metric['unit'], Intl.NumberFormatOptions> = {
  share: { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 },
  count: { maximumFractionDigits: 0 },
  seconds: { style: 'unit', unit: 'second', maximumFractionDigits: 1 },
  factor: { minimumFractionDigits: 3, maximumFractionDigits: 3 },
};
