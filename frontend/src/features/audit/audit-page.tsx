import type { AuditRow } from '@contract/audit.ts';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { auditNewsQuery, auditQuery } from '../../api/audit.ts';
import { keysQuery } from '../../api/keys.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ListHeader } from '../../components/list-header.tsx';
import { Notice } from '../../components/notice.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { type Column, VirtualTable } from '../../components/virtual-table.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import type { AuditVerdict } from '../../lib/verify-audit.ts';
import { AuditDiff } from './audit-diff.tsx';
import { messages } from './messages.ts';

const route = getRouteApi('/audit');

export function AuditPage() {
  const t = useT(messages);
  const { dateTime } = useFormat();
  const search = route.useSearch();
  const navigate = useNavigate();
  const filter = (change: Partial<typeof search>) =>
    void navigate({ to: '/audit', search: { ...search, ...change }, replace: true });
  const clear = () => void navigate({ to: '/audit', replace: true });
  const offline = useOfflineReason();
  const query = useQuery(auditQuery);
  const { data: lastTold = 0 } = useQuery(auditNewsQuery);
  const { data: keys = [] } = useQuery(keysQuery);
  const names = new Map(keys.map(({ id, name }) => [id, name]));
  const rows = query.data?.rows ?? [];
  const news = query.data === undefined ? 0 : Math.max(0, lastTold - (rows[0]?.seq ?? 0));
  const wanted = search.q?.toLowerCase() ?? '';
  const shown = rows.filter(
    ({ subject, error_code, action, actor, result }) =>
      [subject ?? '', error_code ?? ''].some((text) => text.toLowerCase().includes(wanted)) &&
      (search.action === undefined || action === search.action) &&
      (search.key === undefined || actor === search.key) &&
      (search.result === undefined || result === search.result),
  );
  const choices = (values: string[], label = (value: string) => value) =>
    [...new Set(values)].sort().map((value) => ({ value, label: label(value) }));
  const nameOf = (id: string) => names.get(id) ?? id;

  const columns: Column<AuditRow>[] = [
    { id: 'seq', header: t('number'), width: '56px', cell: ({ seq }) => seq },
    {
      id: 'at',
      header: t('when'),
      width: '180px',
      isPlain: true,
      cell: ({ at }) => <time dateTime={at}>{dateTime(Date.parse(at) / 1000)}</time>,
    },
    {
      id: 'actor',
      header: t('who'),
      width: 'minmax(0, 1.2fr)',
      cell: ({ actor }) =>
        names.has(actor) ? (
          <Link to="/keys" search={{ key: actor }}>
            {nameOf(actor)}
          </Link>
        ) : (
          actor
        ),
    },
    {
      id: 'action',
      header: t('what'),
      width: 'minmax(0, 1fr)',
      isPlain: true,
      cell: ({ action }) => <code>{action}</code>,
    },
    {
      id: 'subject',
      header: t('subject'),
      width: 'minmax(0, 1.6fr)',
      isPlain: true,
      cell: ({ subject, changes }) => (
        <>
          <Subject id={subject} name={subject === null ? undefined : names.get(subject)} />
          <AuditDiff changes={changes} />
        </>
      ),
    },
    {
      id: 'result',
      header: t('result'),
      width: 'minmax(0, 1.2fr)',
      isPlain: true,
      cell: ({ result, error_code }) => (
        <>
          {result === 'success' ? (
            <StateBadge tone="ok" word={t('success')} />
          ) : (
            <StateBadge tone="error" word={result === 'failure' ? t('failure') : result} />
          )}{' '}
          {error_code !== null && <code>{error_code}</code>}
        </>
      ),
    },
    {
      id: 'hash',
      header: t('details'),
      width: '88px',
      cell: ({ hash }) => <code title={`${t('hash')}: ${hash}`}>{hash.slice(0, 8)}</code>,
    },
  ];
  return (
    <>
      <ListHeader
        title={t('title')}
        count={query.data?.count}
        description={t('description')}
        actions={
          <>
            {query.data !== undefined && <Verdict verdict={query.data.verdict} />}
            <Button
              variant={news > 0 ? 'filled' : 'default'}
              loading={query.isFetching}
              disabled={offline !== undefined}
              title={offline ?? t('readNote')}
              onClick={() => void query.refetch()}
            >
              {news > 0 ? t('news', { count: news }) : t('readAgain')}
            </Button>
          </>
        }
        filters={[
          { name: 'q', label: t('subject'), value: search.q, field: { kind: 'text', label: t('search') } },
          {
            name: 'action',
            label: t('what'),
            value: search.action,
            field: { kind: 'choice', any: t('anyAction'), choices: choices(rows.map(({ action }) => action)) },
          },
          {
            name: 'key',
            label: t('who'),
            value: search.key,
            field: {
              kind: 'choice',
              any: t('anyone'),
              choices: choices(
                rows.map(({ actor }) => actor),
                nameOf,
              ),
            },
          },
          {
            name: 'result',
            label: t('result'),
            value: search.result,
            field: {
              kind: 'choice',
              any: t('anyResult'),
              choices: [
                { value: 'success', label: t('success') },
                { value: 'failure', label: t('failure') },
              ],
            },
          },
        ]}
        onFilter={(name, value) => filter({ [name]: value })}
        onClear={clear}
      />
      <QueryView query={query} errorTitle={t('readFailed')}>
        {({ count, verdict }) => (
          <>
            {verdict?.brokenAt !== undefined && (
              <Notice tone="error" title={t('broken', { row: verdict.brokenAt })}>
                <p>{t('brokenBody', { row: verdict.brokenAt })}</p>
              </Notice>
            )}
            {verdict === undefined && (
              <Notice tone="warning" title={t('unverified')}>
                <p>{t('unverifiedBody')}</p>
              </Notice>
            )}
            {rows.length < count && <p>{t('onlyLast', { shown: rows.length, count })}</p>}
            {shown.length === 0 ? (
              <EmptyState
                action={
                  rows.length > 0 && (
                    <Button variant="default" onClick={clear}>
                      {t('clear')}
                    </Button>
                  )
                }
              >
                {rows.length === 0 ? t('none') : t('noneFiltered')}
              </EmptyState>
            ) : (
              <VirtualTable label={t('title')} rows={shown} columns={columns} rowKey={({ seq }) => seq} />
            )}
          </>
        )}
      </QueryView>
    </>
  );
}

function Verdict({ verdict }: { verdict: AuditVerdict | undefined }) {
  const t = useT(messages);
  if (verdict === undefined) return <StateBadge tone="idle" word={t('unverified')} />;
  if (verdict.brokenAt !== undefined) return <StateBadge tone="error" word={t('broken', { row: verdict.brokenAt })} />;
  return <StateBadge tone="ok" word={t('intact', { count: verdict.intact })} />;
}

function Subject({ id, name }: { id: string | null; name: string | undefined }) {
  if (id === null) return '–';
  if (id.startsWith('job')) {
    return (
      <Link to="/jobs/$id" params={{ id }}>
        {id}
      </Link>
    );
  }
  if (name === undefined) return id;
  return (
    <Link to="/keys" search={{ key: id }}>
      {name}
    </Link>
  );
}
