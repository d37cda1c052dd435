import { JOB_STATUSES, JOB_TASKS } from '@contract/jobs.ts';
import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { jobsQuery } from '../../api/jobs.ts';
import { useRole } from '../../api/session.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ListHeader } from '../../components/list-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { VirtualTable } from '../../components/virtual-table.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './jobs.module.css';
import { messages } from './messages.ts';
import { type Placed, splitNew } from './split-new.ts';
import { useJobActions } from './use-job-actions.tsx';
import { useJobColumns } from './use-job-columns.tsx';

const route = getRouteApi('/jobs');

export function JobsPage() {
  const t = useT(messages);
  const role = useRole();
  const search = route.useSearch();
  const navigate = useNavigate();
  const filter = useCallback(
    (change: Partial<typeof search>) => void navigate({ to: '/jobs', search: { ...search, ...change }, replace: true }),
    [navigate, search],
  );
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
  const toggle = useCallback(
    (id: string) =>
      setSelected((before) => {
        const after = new Set(before);
        if (!after.delete(id)) after.add(id);
        return after;
      }),
    [],
  );

  const isFiltered = [q, status, task, model, key].some((value) => value !== undefined);
  const clear = () => void navigate({ to: '/jobs', replace: true });
  const models = [...new Set(all.map((job) => job.model))].sort();

  const filterByKey = useCallback((id: string | undefined) => filter({ key: id }), [filter]);
  const columns = useJobColumns({ role, selected, toggle, ask, filterByKey });

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
