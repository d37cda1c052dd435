import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './keys.module.css';
import { messages } from './messages.ts';
import type { DayOfUse } from './usage-days.ts';

const HEIGHT = 96;
const STEP = 10;
const BAR = 8;

/** Seconds of audio by day as bars, and as a table for those who want figures. */
export function DayBars({ days }: { days: readonly DayOfUse[] }) {
  const t = useT(messages);
  const { number, duration } = useFormat();
  const most = Math.max(1, ...days.map(({ seconds }) => seconds));
  const total = days.reduce((sum, { seconds }) => sum + seconds, 0);
  const requests = days.reduce((sum, day) => sum + day.requests, 0);
  const label = t('usageLabel', { minutes: number(total / 60, { maximumFractionDigits: 1 }), requests });
  const used = days.filter((day) => day.requests > 0 || day.seconds > 0);
  return (
    <>
      <p>{label}</p>
      <svg
        className={classes.bars}
        viewBox={`0 0 ${days.length * STEP} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        {days.map(({ day, seconds }, index) => {
          const height = seconds === 0 ? 1 : Math.max(3, (seconds / most) * HEIGHT);
          return (
            <rect
              key={day}
              x={index * STEP + (STEP - BAR) / 2}
              y={HEIGHT - height}
              width={BAR}
              height={height}
              data-empty={seconds === 0}
            >
              <title>{`${day}: ${duration(seconds)}`}</title>
            </rect>
          );
        })}
      </svg>
      <div className={classes.axis} aria-hidden>
        <span>{days[0]?.day}</span>
        <span>{days.at(-1)?.day}</span>
      </div>
      {used.length === 0 ? (
        <p className={classes.quiet}>{t('noUse')}</p>
      ) : (
        <details>
          <summary>{t('usageTable')}</summary>
          <table className={classes.table}>
            <thead>
              <tr>
                <th scope="col">{t('day')}</th>
                <th scope="col">{t('audio')}</th>
                <th scope="col">{t('requests')}</th>
              </tr>
            </thead>
            <tbody>
              {used.map((day) => (
                <tr key={day.day}>
                  <td>{day.day}</td>
                  <td>{duration(day.seconds)}</td>
                  <td>{number(day.requests)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </>
  );
}
