import { useQuery } from '@tanstack/react-query';
import { modelsQuery } from '../../api/models.ts';
import { DataAge } from '../../components/data-age.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { LoadingSkeleton } from '../../components/loading-skeleton.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { Announcer } from './announcer.tsx';
import { messages } from './messages.ts';
import { ModelCard } from './model-card.tsx';
import classes from './models.module.css';

export function ModelsPage() {
  const t = useT(messages);
  const { data: models, error, refetch, dataUpdatedAt } = useQuery(modelsQuery);
  return (
    <>
      <PageHeader title={t('title')} count={models?.length} />
      {error !== null && <ErrorCard error={error} title={t('readFailed')} onRetry={() => void refetch()} />}
      <DataAge updatedAt={dataUpdatedAt} />
      {models === undefined ? (
        error === null && <LoadingSkeleton />
      ) : (
        <>
          <Announcer models={models} />
          {models.length === 0 && <EmptyState>{t('none')}</EmptyState>}
          <ul className={classes.list}>
            {models.map((model) => (
              <li key={model.id}>
                <ModelCard model={model} />
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
