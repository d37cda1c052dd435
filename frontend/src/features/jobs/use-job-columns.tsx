import { IconPlayerStop, IconRefresh, IconTrash } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { isOver, type JobAction, type ListedJob } from '../../api/jobs.ts';
import type { Role } from '../../api/session.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { FilterButton } from '../../components/filter-button.tsx';
import { Moment } from '../../components/moment.tsx';
import { RowButton, RowCheckbox } from '../../components/row-controls.tsx';
import type { Column } from '../../components/virtual-table.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { JobProgress } from './job-progress.tsx';
import { JobStatusBadge } from './job-status.tsx';
import classes from './jobs.module.css';
import { messages } from './messages.ts';

/** Functions are to be the same every time: other columns draw every row again. */
export interface JobColumnsOptions {
  role: Role;
  /** Ids. */
  selected: ReadonlySet<string>;
  toggle: (id: string) => void;
  ask: (action: JobAction, jobs: readonly ListedJob[]) => void;
  filterByKey: (id: string | undefined) => void;
}

export function useJobColumns({ role, selected, toggle, ask, filterByKey }: JobColumnsOptions): Column<ListedJob>[] {
  const t = useT(messages);
  const offline = useOfflineReason();
  return useMemo(() => {
    const key: Column<ListedJob> = {
      id: 'key',
      header: t('key'),
      width: 'minmax(0, 1fr)',
      cell: (job) => (
        <FilterButton onClick={() => filterByKey(job.key?.id)}>
          {job.key?.name ?? job.key?.id ?? t('noKey')}
        </FilterButton>
      ),
    };
    return [
      {
        id: 'select',
        header: t('selection'),
        width: '24px',
        isPlain: true,
        isHeaderHidden: true,
        cell: ({ id }) => (
          <RowCheckbox aria-label={t('select', { id })} checked={selected.has(id)} onChange={() => toggle(id)} />
        ),
      },
      {
        id: 'job',
        header: t('job'),
        width: 'minmax(0, 2fr)',
        isPlain: true,
        cell: ({ id, input }) => (
          <>
            <Link to="/jobs/$id" params={{ id }} className={classes.name} data-row-link>
              {input.name ?? id}
            </Link>
            {input.name !== null && <span className={classes.id}>{id}</span>}
          </>
        ),
      },
      {
        id: 'status',
        header: t('status'),
        width: '112px',
        isPlain: true,
        cell: (job) => <JobStatusBadge status={job.status} />,
      },
      {
        id: 'stage',
        header: t('stage'),
        width: 'minmax(0, 2fr)',
        isPlain: true,
        cell: (job) => <JobProgress job={job} />,
      },
      {
        id: 'task',
        header: t('task'),
        width: 'minmax(0, 1.1fr)',
        isPlain: true,
        cell: (job) => t(job.task),
      },
      { id: 'model', header: t('model'), width: 'minmax(0, 1.3fr)', isPlain: true, cell: (job) => job.model },
      ...(role === 'admin' ? [key] : []),
      {
        id: 'created',
        header: t('created'),
        width: 'minmax(0, 1fr)',
        cell: (job) => <Moment at={job.created_at} />,
      },
      {
        id: 'actions',
        header: t('actions'),
        width: '76px',
        isHeaderHidden: true,
        isPlain: true,
        cell: (job) => (
          <span className={classes.icons}>
            {isOver(job) ? (
              <RowButton
                aria-label={t('retryOne', { id: job.id })}
                title={offline ?? t('retry')}
                disabled={offline !== undefined || job.status === 'succeeded'}
                onClick={() => ask('retry', [job])}
              >
                <IconRefresh size={18} aria-hidden />
              </RowButton>
            ) : (
              <RowButton
                aria-label={t('cancelOne', { id: job.id })}
                title={offline ?? t('cancel')}
                disabled={offline !== undefined}
                onClick={() => ask('cancel', [job])}
              >
                <IconPlayerStop size={18} aria-hidden />
              </RowButton>
            )}
            <RowButton
              aria-label={t('deleteOne', { id: job.id })}
              title={offline ?? t('delete')}
              disabled={offline !== undefined}
              onClick={() => ask('delete', [job])}
            >
              <IconTrash size={18} aria-hidden />
            </RowButton>
          </span>
        ),
      },
    ];
  }, [t, offline, role, selected, toggle, ask, filterByKey]);
}
