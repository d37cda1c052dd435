import { WEBHOOK_DELIVERY_STATUSES, type WebhookDelivery } from '@contract/webhooks.ts';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { keysQuery } from '../../api/keys.ts';
import { useRole } from '../../api/session.ts';
import { deliveriesQuery } from '../../api/webhooks.ts';
import { EmptyList } from '../../components/empty-list.tsx';
import { FilterButton } from '../../components/filter-button.tsx';
import { ListHeader } from '../../components/list-header.tsx';
import { Moment } from '../../components/moment.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { type Column, VirtualTable } from '../../components/virtual-table.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { DeliveryStatusBadge } from './delivery-status.tsx';
import { KeyName } from './key-name.tsx';
import { messages } from './messages.ts';
import { WebhookSecrets } from './webhook-secrets.tsx';
import { WebhookTestCard } from './webhook-test-card.tsx';
import classes from './webhooks.module.css';

const route = getRouteApi('/webhooks');

export function WebhooksPage() {
  const t = useT(messages);
  const search = route.useSearch();
  const navigate = useNavigate();
  const { q, status, key } = search;
  const role = useRole();
  const filter = (change: Partial<typeof search>) =>
    void navigate({ to: '/webhooks', search: { ...search, ...change }, replace: true });
  const clear = () => void navigate({ to: '/webhooks', replace: true });
  const owner = role === 'admin' ? key : undefined;
  const filters = useMemo(() => ({ status, job_id: q, ...(owner !== undefined && { owner }) }), [status, q, owner]);
  const query = useInfiniteQuery(deliveriesQuery(role, filters));
  const { data: keys } = useQuery({ ...keysQuery, enabled: role === 'admin' });
  const rows = query.data?.pages.flatMap(({ data }) => data) ?? [];
  const columns: Column<WebhookDelivery>[] = [
    {
      id: 'event',
      header: t('event'),
      width: 'minmax(0, 1.2fr)',
      isPlain: true,
      cell: ({ id, type }) => (
        <Link to="/webhooks/$id" params={{ id }} data-row-link>
          {type}
        </Link>
      ),
    },
    {
      id: 'status',
      header: t('status'),
      width: '128px',
      isPlain: true,
      cell: (delivery) => <DeliveryStatusBadge status={delivery.status} />,
    },
    { id: 'to', header: t('to'), width: 'minmax(0, 2fr)', cell: ({ url }) => url },
    {
      id: 'job',
      header: t('job'),
      width: 'minmax(0, 1.4fr)',
      cell: ({ job_id }) => (
        <Link to="/jobs/$id" params={{ id: job_id }}>
          {job_id}
        </Link>
      ),
    },
    ...(role === 'admin'
      ? [
          {
            id: 'key',
            header: t('key'),
            width: 'minmax(0, 1fr)',
            cell: (delivery: WebhookDelivery) => (
              <FilterButton onClick={() => filter({ key: delivery.owner })}>
                <KeyName id={delivery.owner} />
              </FilterButton>
            ),
          },
        ]
      : []),
    { id: 'attempts', header: t('attempts'), width: '88px', cell: ({ attempts }) => attempts },
    {
      id: 'last',
      header: t('last'),
      width: 'minmax(0, 1.4fr)',
      cell: ({ last_status, last_error }) => (
        <>
          {last_status ?? t('noAnswer')} {last_error !== null && <span className={classes.reason}>{last_error}</span>}
        </>
      ),
    },
    {
      id: 'created',
      header: t('created'),
      width: 'minmax(0, 1fr)',
      cell: ({ created_at }) => <Moment at={created_at} />,
    },
  ];
  const hasFilters = q !== undefined || status !== undefined || owner !== undefined;
  return (
    <>
      <ListHeader
        title={t('title')}
        description={t(role === 'admin' ? 'descriptionAll' : 'description')}
        filters={[
          { name: 'q', label: t('job'), value: q, field: { kind: 'text', label: t('search') } },
          {
            name: 'status',
            label: t('status'),
            value: status,
            field: {
              kind: 'choice',
              any: t('anyStatus'),
              choices: WEBHOOK_DELIVERY_STATUSES.map((value) => ({ value, label: t(value) })),
            },
          },
          ...(role === 'admin'
            ? [
                {
                  name: 'key' as const,
                  label: t('key'),
                  value: key,
                  field: {
                    kind: 'choice' as const,
                    any: t('anyKey'),
                    choices: (keys ?? []).map(({ id, name }) => ({ value: id, label: name })),
                  },
                },
              ]
            : []),
        ]}
        onFilter={(name, value) => filter({ [name]: value })}
        onClear={clear}
      >
        <div className={classes.columns}>
          <WebhookSecrets />
          <WebhookTestCard />
        </div>
      </ListHeader>
      <QueryView query={query} errorTitle={t('readFailed')}>
        {() =>
          rows.length === 0 ? (
            <EmptyList
              none={t('none')}
              filters={{ areSet: hasFilters, clear, clearWord: t('clear'), none: t('noneFiltered') }}
            />
          ) : (
            <VirtualTable
              label={t('title')}
              rows={rows}
              columns={columns}
              rowKey={({ id }) => id}
              onEnd={() => {
                if (query.hasNextPage && !query.isFetching) void query.fetchNextPage();
              }}
            />
          )
        }
      </QueryView>
    </>
  );
}
