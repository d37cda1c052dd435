import { useQuery } from '@tanstack/react-query';
import { modelsQuery } from '../../api/models.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { Announcer } from './announcer.tsx';
import { messages } from './messages.ts';
import { ModelCard } from './model-card.tsx';
import classes from './models.module.css';

export function ModelsPage() {
  const t = useT(messages);
  const models = useQuery(modelsQuery);
  return (
    <>
      <PageHeader title={t('title')} count={models.data?.length} />
      <QueryView query={models} errorTitle={t('readFailed')}>
        {(list) => (
          <>
            <Announcer models={list} />
            {list.length === 0 && <EmptyState>{t('none')}</EmptyState>}
            <ul className={classes.list}>
              {list.map((model) => (
                <li key={model.id}>
                  <ModelCard model={model} />
                </li>
              ))}
            </ul>
          </>
        )}
      </QueryView>
    </>
  );
}
