import type { ApiKey, ApiKeyWithSecret } from '@contract/keys.ts';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { keysQuery, keyUsageQuery } from '../../api/keys.ts';
import { CodeBlock } from '../../components/code-block.tsx';
import { useOfflineReason } from '../../components/data-age.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ListHeader } from '../../components/list-header.tsx';
import { Moment } from '../../components/moment.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { SecretDialog } from '../../components/secret-dialog.tsx';
import { type Column, VirtualTable } from '../../components/virtual-table.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { BurnDown } from './burn-down.tsx';
import { KeyDrawer } from './key-drawer.tsx';
import { KEY_STATES, keyState } from './key-state.ts';
import { KeyStateBadge } from './key-state-badge.tsx';
import classes from './keys.module.css';
import { messages } from './messages.ts';
import { RevokeDialog } from './revoke-dialog.tsx';
import { RotateDialog } from './rotate-dialog.tsx';
import { startOfNext } from './usage-days.ts';

const route = getRouteApi('/keys');

// The list needs none of them.
const KeyWizard = lazy(async () => ({ default: (await import('./key-wizard.tsx')).KeyWizard }));

type Open =
  | { what: 'create' }
  | { what: 'edit' | 'rotate' | 'revoke'; key: ApiKey }
  | { what: 'secret'; key: ApiKeyWithSecret };

export function KeysPage() {
  const t = useT(messages);
  const search = route.useSearch();
  const navigate = useNavigate();
  const filter = (change: Partial<typeof search>) =>
    void navigate({ to: '/keys', search: { ...search, ...change }, replace: true });
  const query = useQuery(keysQuery);
  const offline = useOfflineReason();
  const [open, setOpen] = useState<Open>();
  /** A dialog that ends with a secret closes after that is shown. */
  const close = () => setOpen((now) => (now?.what === 'secret' ? now : undefined));
  /** The drawer gives way: two dialogs over each other would hide what is asked. */
  const go = (next: Open) => {
    filter({ key: undefined });
    setOpen(next);
  };
  const showSecret = (key: ApiKeyWithSecret) => setOpen({ what: 'secret', key });
  const now = Date.now() / 1000;
  const all = query.data ?? [];
  const wanted = search.q?.toLowerCase() ?? '';
  const shown = all
    .filter((key) => [key.name, key.id, key.prefix ?? ''].some((text) => text.toLowerCase().includes(wanted)))
    .filter((key) => search.state === undefined || keyState(key, now) === search.state)
    .toReversed();
  const clear = () => void navigate({ to: '/keys', replace: true });
  const create = (
    <Button disabled={offline !== undefined} title={offline} onClick={() => setOpen({ what: 'create' })}>
      {t('create')}
    </Button>
  );
  const columns: Column<ApiKey>[] = [
    {
      id: 'name',
      header: t('name'),
      width: 'minmax(0, 2fr)',
      isPlain: true,
      cell: (key) => (
        <>
          <button
            type="button"
            className={classes.name}
            data-row-link
            aria-label={t('open', { name: key.name })}
            onClick={() => filter({ key: key.id })}
          >
            {key.name}
          </button>
          <code className={classes.quiet}>{key.prefix === null ? key.id : `${key.prefix}…`}</code>
        </>
      ),
    },
    {
      id: 'state',
      header: t('state'),
      width: '132px',
      isPlain: true,
      cell: (key) => <KeyStateBadge state={keyState(key, now)} />,
    },
    {
      id: 'scopes',
      header: t('scopes'),
      width: 'minmax(0, 2fr)',
      isPlain: true,
      cell: ({ scopes }) => (
        <>
          {scopes.admin ? t('roleAdmin') : t('roleUser')}
          <span className={classes.quiet}>
            {' · '}
            {scopes.tasks === null ? t('allTasks') : scopes.tasks.map((task) => t(task)).join(', ')}
            {scopes.models !== null && ` · ${scopes.models.join(', ')}`}
          </span>
        </>
      ),
    },
    {
      id: 'limits',
      header: t('limits'),
      width: 'minmax(0, 2fr)',
      isPlain: true,
      cell: (key) => <TodaysUse apiKey={key} />,
    },
    {
      id: 'expires',
      header: t('expires'),
      width: 'minmax(0, 1fr)',
      cell: (key) => (key.expires_at === null ? t('never') : <Moment at={key.expires_at} />),
    },
    {
      id: 'created',
      header: t('created'),
      width: 'minmax(0, 1fr)',
      cell: (key) => <Moment at={key.created_at} />,
    },
  ];
  return (
    <>
      <ListHeader
        title={t('title')}
        count={query.data?.length}
        actions={create}
        filters={[
          { name: 'q', label: t('name'), value: search.q, field: { kind: 'text', label: t('search') } },
          {
            name: 'state',
            label: t('state'),
            value: search.state,
            field: {
              kind: 'choice',
              any: t('anyState'),
              choices: KEY_STATES.map((value) => ({ value, label: t(value) })),
            },
          },
        ]}
        onFilter={(name, value) => filter({ [name]: value })}
        onClear={clear}
      />
      <QueryView query={query} errorTitle={t('readFailed')}>
        {(keys) =>
          keys.length === 0 ? (
            <EmptyState action={create}>{t('none')}</EmptyState>
          ) : shown.length === 0 ? (
            <EmptyState
              action={
                <Button variant="default" onClick={clear}>
                  {t('clear')}
                </Button>
              }
            >
              {t('noneFiltered')}
            </EmptyState>
          ) : (
            <VirtualTable label={t('title')} rows={shown} columns={columns} rowKey={({ id }) => id} />
          )
        }
      </QueryView>
      <Suspense>
        {search.key !== undefined && query.data !== undefined && (
          <KeyDrawer
            id={search.key}
            apiKey={all.find(({ id }) => id === search.key)}
            onClose={() => filter({ key: undefined })}
            onEdit={(key) => go({ what: 'edit', key })}
            onRotate={(key) => go({ what: 'rotate', key })}
            onRevoke={(key) => go({ what: 'revoke', key })}
          />
        )}
        {open?.what === 'create' && <KeyWizard onClose={close} onCreated={showSecret} />}
        {open?.what === 'edit' && <KeyWizard existing={open.key} onClose={close} onCreated={showSecret} />}
        {open?.what === 'rotate' && <RotateDialog apiKey={open.key} onClose={close} onRotated={showSecret} />}
        {open?.what === 'revoke' && <RevokeDialog apiKey={open.key} onClose={close} />}
        {open?.what === 'secret' && (
          <SecretDialog
            title={t('secretTitle', { name: open.key.name })}
            secret={open.key.secret}
            onClose={() => setOpen(undefined)}
          >
            <p>{t('secretUse')}</p>
            <CodeBlock>{`export OPENAI_BASE_URL=${location.origin}/v1\nexport OPENAI_API_KEY=…`}</CodeBlock>
          </SecretDialog>
        )}
      </Suspense>
    </>
  );
}

function TodaysUse({ apiKey }: { apiKey: ApiKey }) {
  const t = useT(messages);
  const { data: usage } = useQuery({ ...keyUsageQuery(apiKey.id), enabled: apiKey.revoked_at === null });
  if (usage === undefined) return null;
  const { today } = usage;
  return (
    <BurnDown
      name={t('today')}
      used={today.audio_seconds + today.reserved_seconds}
      limit={today.limit_seconds}
      unit="min"
      resetsAt={startOfNext('day', today.day)}
    />
  );
}
