import { useT } from '../lib/i18n/use-t.ts';
import classes from './loading-skeleton.module.css';
import { messages } from './messages.ts';

/** Rows to come; shown only when the wait lasts (150 ms). */
export function LoadingSkeleton({ rows = 4 }: { rows?: number }) {
  const t = useT(messages);
  return (
    <div className={classes.waiting} role="status" aria-label={t('loading')}>
      {[...Array(rows).keys()].map((row) => (
        <div key={row} className={classes.row} />
      ))}
    </div>
  );
}
