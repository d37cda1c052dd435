import { type LogLevel, logLevel } from '@contract/logs.ts';
import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useEffect, useEffectEvent, useMemo, useState, useSyncExternalStore } from 'react';
import { followLogs, logLines, logsQuery } from '../../api/logs.ts';
import { ChoiceFilter } from '../../components/choice-filter.tsx';
import { EmptyList } from '../../components/empty-list.tsx';
import { FilterBar } from '../../components/filter-bar.tsx';
import { FilterInput } from '../../components/filter-input.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { LogView } from './log-view.tsx';
import classes from './logs.module.css';
import { LEVELS, mergeLines } from './merge-lines.ts';
import { messages } from './messages.ts';

const route = getRouteApi('/logs');

export function LogsPage() {
  const t = useT(messages);
  const search = route.useSearch();
  const navigate = useNavigate();
  const filter = (change: Partial<typeof search>) =>
    void navigate({ to: '/logs', search: { ...search, ...change }, replace: true });
  const clear = () => void navigate({ to: '/logs', replace: true });
  const level: LogLevel | undefined = logLevel.safeParse(search.level).data;
  const { q, request } = search;
  const filters = useMemo(() => ({ request_id: request, level, q }), [request, level, q]);
  const query = useInfiniteQuery(logsQuery(filters));
  const [isOpen, setOpen] = useState(true);
  const [isFollowing, setFollowing] = useState(true);

  const readAgain = useEffectEvent(() => void query.refetch());
  useEffect(() => {
    const stop = new AbortController();
    void followLogs({ signal: stop.signal, onState: setOpen, onGap: () => readAgain() });
    return () => stop.abort();
  }, []);
  const fresh = useSyncExternalStore(logLines.subscribe, logLines.toArray);
  const lines = useMemo(
    () =>
      mergeLines(
        (query.data?.pages ?? []).map(({ data }) => data),
        fresh,
        filters,
      ),
    [query.data, fresh, filters],
  );
  const hasFilters = q !== undefined || request !== undefined || level !== undefined;
  return (
    <>
      <PageHeader
        title={t('title')}
        filters={[
          ...(request === undefined
            ? []
            : [{ label: `${t('request')}: ${request}`, onRemove: () => filter({ request: undefined }) }]),
          ...(level === undefined
            ? []
            : [{ label: `${t('level')}: ${t(level)}`, onRemove: () => filter({ level: undefined }) }]),
          ...(q === undefined ? [] : [{ label: `${t('text')}: ${q}`, onRemove: () => filter({ q: undefined }) }]),
        ]}
        onClearFilters={clear}
      />
      <FilterBar>
        <FilterInput label={t('search')} value={q} onChange={(value) => filter({ q: value })} />
        <FilterInput label={t('request')} value={request} onChange={(value) => filter({ request: value })} />
        <ChoiceFilter
          label={t('level')}
          any={t('anyLevel')}
          value={level}
          choices={LEVELS.filter((each) => each !== 'debug').map((value) => ({
            value,
            label: value === 'error' ? t('error') : t('orWorse', { level: t(value) }),
          }))}
          onChange={(value) => filter({ level: value })}
        />
      </FilterBar>
      <div className={classes.state}>
        <span role="status">
          {!isOpen ? (
            <StateBadge tone="warning" word={t('waiting')} />
          ) : isFollowing ? (
            <StateBadge tone="ok" word={t('following')} />
          ) : (
            <StateBadge tone="warning" word={t('paused')} />
          )}
        </span>
        <Button size="compact-sm" variant="default" onClick={() => setFollowing(!isFollowing)}>
          {isFollowing ? t('pause') : t('follow')}
        </Button>
        {query.isFetchingNextPage && <span>{t('older')}</span>}
        <span className={classes.count}>{t('count', { count: lines.length })}</span>
      </div>
      <QueryView query={query} errorTitle={t('readFailed')}>
        {() =>
          lines.length === 0 ? (
            <EmptyList
              none={t('none')}
              filters={{ areSet: hasFilters, clear, clearWord: t('clear'), none: t('noneFiltered') }}
            />
          ) : (
            <LogView
              lines={lines}
              isFollowing={isFollowing}
              onFollow={setFollowing}
              onOldest={() => {
                if (query.hasNextPage && !query.isFetching) void query.fetchNextPage();
              }}
              onRequest={(id) => filter({ request: id })}
            />
          )
        }
      </QueryView>
    </>
  );
}
