import { type AdminModel, adminModelStatus } from '@contract/admin.ts';
import { Button, NativeSelect } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { modelsQuery } from '../../api/models.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { FilterInput } from '../../components/filter-input.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { useRowKeys } from '../../lib/use-row-keys.ts';
import { Announcer } from './announcer.tsx';
import { filterModels } from './filter-models.ts';
import { messages } from './messages.ts';
import { ModelCard } from './model-card.tsx';
import classes from './models.module.css';

const route = getRouteApi('/models');

export function ModelsPage() {
  const t = useT(messages);
  const models = useQuery(modelsQuery);
  const search = route.useSearch();
  useRowKeys('main article h2 a');
  const navigate = useNavigate();
  const setSearch = (fields: Partial<typeof search>) =>
    void navigate({ to: '/models', search: { ...search, ...fields }, replace: true });
  const status = adminModelStatus.safeParse(search.state).data;
  const chips = [
    ...(search.q === undefined ? [] : [{ label: search.q, onRemove: () => setSearch({ q: undefined }) }]),
    ...(status === undefined ? [] : [{ label: t(status), onRemove: () => setSearch({ state: undefined }) }]),
    ...(search.task === undefined ? [] : [{ label: search.task, onRemove: () => setSearch({ task: undefined }) }]),
  ];
  const tasks = [...new Set(models.data?.map(({ task }) => task))].sort();
  return (
    <>
      <PageHeader
        title={t('title')}
        count={models.data?.length}
        filters={chips}
        onClearFilters={() => void navigate({ to: '/models', search: {}, replace: true })}
        actions={
          <Button component={Link} to="/models/add" leftSection={<IconPlus size={16} aria-hidden />}>
            {t('addTitle')}
          </Button>
        }
      />
      <div className={classes.filters}>
        <FilterInput label={t('filter')} value={search.q} onChange={(q) => setSearch({ q })} />
        <NativeSelect
          size="md"
          aria-label={t('state')}
          value={status ?? ''}
          onChange={(event) => setSearch({ state: event.currentTarget.value || undefined })}
          data={[
            { value: '', label: t('anyState') },
            ...adminModelStatus.options.map((value) => ({ value, label: t(value) })),
          ]}
        />
        <NativeSelect
          size="md"
          aria-label={t('task')}
          value={search.task ?? ''}
          onChange={(event) => setSearch({ task: event.currentTarget.value || undefined })}
          data={[{ value: '', label: t('anyTask') }, ...tasks]}
        />
      </div>
      <QueryView query={models} errorTitle={t('readFailed')}>
        {(list) => (
          <>
            <Announcer models={list} />
            <List all={list} shown={filterModels(list, { q: search.q, status, task: search.task })} />
          </>
        )}
      </QueryView>
    </>
  );
}

function List({ all, shown }: { all: AdminModel[]; shown: AdminModel[] }) {
  const t = useT(messages);
  if (all.length === 0) {
    return (
      <EmptyState
        action={
          <Button component={Link} to="/models/add" variant="default">
            {t('addTitle')}
          </Button>
        }
      >
        {t('none')}
      </EmptyState>
    );
  }
  if (shown.length === 0) return <EmptyState>{t('noneMatch')}</EmptyState>;
  return (
    <div className={classes.list}>
      <div className={classes.columns} aria-hidden>
        <span>{t('modelTitle')}</span>
        <span>{t('filesAndLicence')}</span>
        <span>{t('footprint')}</span>
        <span>{t('replicas')}</span>
        <span />
      </div>
      <ul style={{ display: 'contents' }}>
        {shown.map((model) => (
          <li key={model.id} className={classes.item}>
            <ModelCard model={model} />
          </li>
        ))}
      </ul>
    </div>
  );
}
