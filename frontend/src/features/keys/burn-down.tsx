import { Progress } from '@mantine/core';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './keys.module.css';
import { messages } from './messages.ts';

export interface BurnDownProps {
  name: string;
  used: number;
  limit: number | null;
  /** `min`: both are seconds of audio. */
  unit: 'min' | 'count';
  /** Unix seconds. */
  resetsAt?: number;
}

/** What of a limit is used up, and when it begins anew. */
export function BurnDown({ name, used, limit, unit, resetsAt }: BurnDownProps) {
  const t = useT(messages);
  const { number, relative } = useFormat();
  const write = (value: number) => number(unit === 'min' ? value / 60 : value, { maximumFractionDigits: 1 });
  const share = limit === null ? undefined : limit === 0 ? 1 : Math.min(1, used / limit);
  return (
    <div className={classes.burn}>
      <div className={classes.burnLine}>
        <span>
          {name}{' '}
          {limit === null
            ? unit === 'min'
              ? t('minutes', { used: write(used) })
              : write(used)
            : t(unit === 'min' ? 'ofMinutes' : 'ofCount', { used: write(used), limit: write(limit) })}
        </span>
        {limit !== null && resetsAt !== undefined && (
          <span className={classes.quiet}>{t('resets', { time: relative(resetsAt) })}</span>
        )}
      </div>
      {share !== undefined && (
        <Progress.Root size="sm">
          <Progress.Section value={share * 100} aria-label={name} color={share > 0.9 ? 'red' : 'brand'} />
        </Progress.Root>
      )}
    </div>
  );
}
