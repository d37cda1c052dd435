import { Progress } from '@mantine/core';
import type { ListedJob } from '../../api/jobs.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './jobs.module.css';
import { messages } from './messages.ts';

/** Where a job is: its place while it waits, its stage while it runs, its reason when it failed. */
export function JobProgress({ job }: { job: ListedJob }) {
  const t = useT(messages);
  const { duration } = useFormat();
  const { status, queue, progress, error } = job;
  if (status === 'queued' && queue !== null) {
    return (
      <span>
        {t('position', { position: queue.position })}
        {queue.eta_seconds !== null && <> · {t('eta', { time: duration(queue.eta_seconds) })}</>}
      </span>
    );
  }
  if (status === 'running') {
    const { processed_seconds: done, total_seconds: total, stage, stage_done, eta_seconds: eta } = progress;
    const share = stage_done ?? (total !== null && total > 0 ? done / total : undefined);
    const words = [
      stage,
      total !== null && t('ofAudio', { done: duration(done), total: duration(total) }),
      eta !== null && t('eta', { time: duration(eta) }),
    ].filter((word) => word !== null && word !== false);
    return (
      <>
        <span>{words.join(' · ')}</span>
        {share !== undefined && (
          <Progress.Root size="sm">
            <Progress.Section value={Math.min(99, share * 100)} aria-label={t('stage')} />
          </Progress.Root>
        )}
      </>
    );
  }
  if (error !== null) return <span className={classes.reason}>{error.message}</span>;
  if (job.cached) return <span className={classes.quiet}>{t('cached')}</span>;
  return null;
}
