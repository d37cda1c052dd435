import { Skeleton } from '@mantine/core';
import { useT } from '../lib/i18n/use-t.ts';
import classes from './loading-skeleton.module.css';
import { messages } from './messages.ts';

/** Rows to come; shown only when the wait lasts (150 ms). */
export function LoadingSkeleton({ rows = 4 }: { rows?: number }) {
  const t = useT(messages);
  return (
    <div className={classes.waiting} role="status" aria-label={t('loading')}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows without content have no other
        <Skeleton key={row} height={36} radius={4} animate={false} />
      ))}
    </div>
  );
}
