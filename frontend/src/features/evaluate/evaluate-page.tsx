import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { modelsQuery } from '../../api/models.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { LoadingSkeleton } from '../../components/loading-skeleton.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './evaluate.module.css';
import { EvaluateForm } from './evaluate-form.tsx';
import { jobsOf, keepReference, keptReference } from './evaluation-run.ts';
import { messages } from './messages.ts';

/** What plays and draws comes with the first result. */
const EvaluateResults = lazy(async () => ({ default: (await import('./evaluate-results.tsx')).EvaluateResults }));

export function EvaluatePage() {
  const t = useT(messages);
  const { run } = useSearch({ from: '/evaluate' });
  const navigate = useNavigate();
  const models = useQuery(modelsQuery);
  const [reference, setReference] = useState(keptReference);
  const jobs = jobsOf(run);
  return (
    <>
      <PageHeader title={t('title')} description={t('description')} />
      <div className={classes.columns}>
        <QueryView query={models} errorTitle={t('modelsUnreadable')}>
          {(list) => (
            <EvaluateForm
              models={list}
              reference={reference}
              onReference={(changed) => {
                setReference(changed);
                keepReference(changed);
              }}
              onJobs={(ids) => void navigate({ to: '/evaluate', replace: true, search: { run: ids.join(',') } })}
            />
          )}
        </QueryView>
        {jobs.length === 0 ? (
          <EmptyState>{t('noRun')}</EmptyState>
        ) : (
          <Suspense fallback={<LoadingSkeleton />}>
            <EvaluateResults key={jobs[0]} jobs={jobs} reference={reference} />
          </Suspense>
        )}
      </div>
    </>
  );
}
