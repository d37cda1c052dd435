import { JOB_STATUSES, JOB_TASKS } from '@contract/jobs.ts';
import { ActionIcon, Button, Checkbox } from '@mantine/core';
import { IconPlayerStop, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { isOver, jobsQuery, type ListedJob } from '../../api/jobs.ts';
import { useRole } from '../../api/session.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { FilterButton } from '../../components/filter-button.tsx';
import { ListHeader } from '../../components/list-header.tsx';
import { Moment } from '../../components/moment.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { type Column, VirtualTable } from '../../components/virtual-table.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { JobProgress } from './job-progress.tsx';
import { JobStatusBadge } from './job-status.tsx';
import classes from './jobs.module.css';
import { messages } from './messages.ts';
import { type Placed, splitNew } from './split-new.ts';
import { useJobActions } from './use-job-actions.tsx';

const route = getRouteApi('/jobs');

export function JobsPage() {
  const t = useT(messages);
  const role = useRole();
  const search = route.useSearch();
  const navigate = useNavigate();
  const filter = (change: Partial<typeof search>) =>
    void navigate({ to: '/jobs', search: { ...search, ...change }, replace: true });
  const { q, status, kind: task, model, key } = search;
  const filters = useMemo(
    () => ({ q, status, task, model, ...(role === 'admin' && { key }) }),
    [q, status, task, model, key, role],
  );
  const query = useInfiniteQuery(jobsQuery(role, filters));
  const all = useMemo(() => query.data?.pages.flatMap(({ data }) => data) ?? [], [query.data]);

  // The first row when the reader looked, for these filters.
  const [seen, setSeen] = useState<{ filters: typeof filters; first: Placed | undefined }>();
  if (query.data !== undefined && seen?.filters !== filters) setSeen({ filters, first: all[0] });
  const { fresh, shown } = splitNew(all, seen?.first);

  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const chosen = shown.filter(({ id }) => selected.has(id));
  const clearSelection = () => setSelected(new Set());
  const { ask, dialog } = useJobActions(role, clearSelection);
  const offline = useOfflineReason();
  const toggle = (id: string) =>
    setSelected((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });

  const isFiltered = [q, status, task, model, key].some((value) => value !== undefined);
  const clear = () => void navigate({ to: '/jobs', replace: true });
  const models = [...new Set(all.map((job) => job.model))].sort();

  const columns: Column<ListedJob>[] = [
    {
      id: 'select',
      header: t('selection'),
      width: '24px',
      isPlain: true,
      isHeaderHidden: true,
      cell: ({ id }) => (
        <Checkbox size="sm" aria-label={t('select', { id })} checked={selected.has(id)} onChange={() => toggle(id)} />
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
          {input.name !== null && <span className={classes.quiet}>{id}</span>}
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
    ...(role === 'admin'
      ? [
          {
            id: 'key',
            header: t('key'),
            width: 'minmax(0, 1fr)',
            cell: (job: ListedJob) => (
              <FilterButton onClick={() => filter({ key: job.key?.id })}>
                {job.key?.name ?? job.key?.id ?? t('noKey')}
              </FilterButton>
            ),
          },
        ]
      : []),
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
            <ActionIcon
              aria-label={t('retryOne', { id: job.id })}
              title={offline ?? t('retry')}
              disabled={offline !== undefined || job.status === 'succeeded'}
              onClick={() => ask('retry', [job])}
            >
              <IconRefresh size={18} aria-hidden />
            </ActionIcon>
          ) : (
            <ActionIcon
              aria-label={t('cancelOne', { id: job.id })}
              title={offline ?? t('cancel')}
              disabled={offline !== undefined}
              onClick={() => ask('cancel', [job])}
            >
              <IconPlayerStop size={18} aria-hidden />
            </ActionIcon>
          )}
          <ActionIcon
            aria-label={t('deleteOne', { id: job.id })}
            title={offline ?? t('delete')}
            disabled={offline !== undefined}
            onClick={() => ask('delete', [job])}
          >
            <IconTrash size={18} aria-hidden />
          </ActionIcon>
        </span>
      ),
    },
  ];

  return (
    <>
      <ListHeader
        title={t('title')}
        filters={[
          { name: 'q', label: t('job'), value: q, field: { kind: 'text', label: t('search') } },
          {
            name: 'status',
            label: t('status'),
            value: status,
            field: {
              kind: 'choice',
              any: t('anyStatus'),
              choices: JOB_STATUSES.map((value) => ({ value, label: t(value) })),
            },
          },
          {
            name: 'kind',
            label: t('task'),
            value: task,
            field: {
              kind: 'choice',
              any: t('anyTask'),
              choices: JOB_TASKS.map((value) => ({ value, label: t(value) })),
            },
          },
          {
            name: 'model',
            label: t('model'),
            value: model,
            field: { kind: 'choice', any: t('anyModel'), choices: models.map((value) => ({ value, label: value })) },
          },
          { name: 'key', label: t('key'), value: key },
        ]}
        onFilter={(name, value) => filter({ [name]: value })}
        onClear={clear}
      />
      <QueryView query={query} errorTitle={t('readFailed')}>
        {() => (
          <>
            <div role="status">
              {fresh > 0 && (
                <div className={classes.fresh}>
                  <Button size="compact-sm" onClick={() => setSeen({ filters, first: all[0] })}>
                    {t('fresh', { count: fresh })}
                  </Button>
                </div>
              )}
            </div>
            {shown.length === 0 && isFiltered && (
              <EmptyState
                action={
                  <Button variant="default" onClick={clear}>
                    {t('clear')}
                  </Button>
                }
              >
                {t('noneFiltered')}
              </EmptyState>
            )}
            {shown.length === 0 && !isFiltered && (
              <EmptyState action={<Link to="/playground">{t('toPlayground')}</Link>}>{t('none')}</EmptyState>
            )}
            {shown.length > 0 && (
              <>
                <VirtualTable
                  label={t('title')}
                  rows={shown}
                  columns={columns}
                  rowKey={({ id }) => id}
                  onEnd={() => {
                    if (query.hasNextPage && !query.isFetching) void query.fetchNextPage();
                  }}
                />
                <p className={classes.end}>{query.hasNextPage ? t('more') : t('end', { count: shown.length })}</p>
              </>
            )}
          </>
        )}
      </QueryView>
      {chosen.length > 0 && (
        <section className={classes.selection} aria-label={t('selection')}>
          <strong>{t('selected', { count: chosen.length })}</strong>
          <Button size="xs" variant="default" disabled={offline !== undefined} onClick={() => ask('cancel', chosen)}>
            {t('cancel')}
          </Button>
          <Button size="xs" variant="default" disabled={offline !== undefined} onClick={() => ask('retry', chosen)}>
            {t('retry')}
          </Button>
          <Button
            size="xs"
            color="red"
            variant="light"
            disabled={offline !== undefined}
            onClick={() => ask('delete', chosen)}
          >
            {t('delete')}
          </Button>
          <Button size="xs" variant="subtle" onClick={() => setSelected(new Set(shown.map(({ id }) => id)))}>
            {t('selectAll')}
          </Button>
          <Button size="xs" variant="subtle" onClick={clearSelection}>
            {t('deselect')}
          </Button>
        </section>
      )}
      {dialog}
    </>
  );
}
