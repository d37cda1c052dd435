import type { Model } from '@contract/models.ts';
import { Button, NativeSelect, Progress } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useMemo, useState } from 'react';
import { callableModelsQuery } from '../../api/callable-models.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { LoadingSkeleton } from '../../components/loading-skeleton.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { lacksWordTimes } from '../../lib/lacks-word-times.ts';
import { AudioInput } from './audio-input.tsx';
import { CodeCard } from './code-card.tsx';
import { LiveText } from './live-text.tsx';
import { messages } from './messages.ts';
import { ModelReadiness } from './model-readiness.tsx';
import { OptionsForm } from './options-form.tsx';
import classes from './playground.module.css';
import { DEFAULT_OPTIONS, MODEL_TASK, mayBeLive, requestOf, TASKS, type Task } from './request.ts';
import { useLive } from './use-live.ts';
import { isAbort, useSubmit } from './use-submit.ts';

/** What plays and draws comes with the first job. */
const JobView = lazy(async () => ({ default: (await import('./job-view.tsx')).JobView }));

export function PlaygroundPage() {
  const t = useT(messages);
  const { job } = useSearch({ from: '/playground' });
  const models = useQuery(callableModelsQuery);
  const live = useLive();
  return (
    <>
      <PageHeader title={t('title')} description={t('description')} />
      <div className={classes.columns}>
        <QueryView query={models} errorTitle={t('modelsUnreadable')}>
          {(list) => <RequestForm models={list} live={live} />}
        </QueryView>
        <div className={classes.results}>
          {job === undefined && live.status !== 'idle' ? (
            <LiveText
              text={live.text}
              status={live.status}
              error={live.error}
              name={live.variables?.file.name.replace(/\.[^.]+$/, '') ?? ''}
              onStop={live.stop}
            />
          ) : job === undefined ? (
            <EmptyState>{t('noJob')}</EmptyState>
          ) : (
            <Suspense fallback={<LoadingSkeleton />}>
              <JobView key={job} id={job} />
            </Suspense>
          )}
        </div>
      </div>
    </>
  );
}

function RequestForm({ models, live }: { models: readonly Model[]; live: ReturnType<typeof useLive> }) {
  const t = useT(messages);
  const { percent } = useFormat();
  const search = useSearch({ from: '/playground' });
  const navigate = useNavigate();
  const offline = useOfflineReason();
  const [file, setFile] = useState<File>();
  const [options, setOptions] = useState(DEFAULT_OPTIONS);
  const task = TASKS.find((each) => each === search.task) ?? 'transcribe';
  const fitting = useMemo(() => modelsFor(task, models), [task, models]);
  const model = fitting.find(({ id }) => id === search.model) ?? preferred(fitting);
  const submit = useSubmit((id) => void navigate({ to: '/playground', search: { ...search, job: id } }));
  const request = requestOf(task, model?.id ?? '', {
    ...options,
    words: options.words && model !== undefined && !lacksWordTimes(model.id),
  });
  const isLive = options.live && mayBeLive(task, options);
  const reason = offline ?? (file === undefined ? t('needsFile') : model === undefined ? t('needsModel') : undefined);
  return (
    <>
      <form
        className={`${classes.card} ${classes.form}`}
        onSubmit={(event) => {
          event.preventDefault();
          if (file === undefined || reason !== undefined || submit.isPending) return;
          if (!isLive) return submit.mutate({ request, file });
          live.mutate({ request, file });
          void navigate({ to: '/playground', search: { ...search, job: undefined } });
        }}
      >
        <AudioInput file={file} onFile={setFile} />
        <NativeSelect
          label={t('task')}
          value={task}
          onChange={({ currentTarget: { value } }) =>
            void navigate({ to: '/playground', replace: true, search: { ...search, task: value, model: undefined } })
          }
          data={TASKS.map((each) => ({ value: each, label: t(`task_${each}`) }))}
          description={t(`taskHint_${task}`)}
        />
        {model === undefined ? (
          <EmptyState>{t('noModel')}</EmptyState>
        ) : (
          <div>
            <NativeSelect
              label={t('model')}
              value={model.id}
              onChange={({ currentTarget: { value } }) =>
                void navigate({ to: '/playground', replace: true, search: { ...search, model: value } })
              }
              data={fitting.map(({ id, status }) => ({
                value: id,
                label: status === 'ready' ? `${id} · ${t('model_ready')}` : id,
              }))}
              mb={8}
            />
            <ModelReadiness model={model} />
          </div>
        )}
        <OptionsForm
          task={task}
          model={model}
          models={models}
          options={options}
          onChange={(changed) => setOptions({ ...options, ...changed })}
        />
        {submit.share === undefined ? (
          <Button type="submit" size="md" disabled={reason !== undefined} title={reason}>
            {t(`submit_${task}`)}
          </Button>
        ) : (
          <div className={classes.result}>
            <Progress value={100 * submit.share} aria-label={t('uploading')} />
            <div className={classes.line}>
              <span role="status">
                {submit.share < 1 ? `${t('uploading')} ${percent(Math.floor(submit.share * 4) / 4)}` : t('uploaded')}
              </span>
              <Button variant="default" size="compact-sm" onClick={submit.abort}>
                {t('cancelUpload')}
              </Button>
            </div>
          </div>
        )}
        {reason !== undefined && <p className={classes.dimmed}>{reason}</p>}
        {submit.error !== null && !isAbort(submit.error) && (
          <ErrorCard error={submit.error} title={t('notSubmitted')} />
        )}
      </form>
      <div className={`${classes.card} ${classes.codeArea}`}>
        <CodeCard sample={{ ...request, origin: location.origin, fileName: file?.name ?? 'speech.wav' }} />
      </div>
    </>
  );
}

/** Of the task; for translations those that know more than English. */
function modelsFor(task: Task, models: readonly Model[]): Model[] {
  return models.filter(
    ({ task: kind, languages }) =>
      kind === MODEL_TASK[task] && (task !== 'translate' || languages.length === 0 || languages.length > 1),
  );
}

const ORDER: readonly Model['status'][] = ['ready', 'loading', 'downloaded', 'downloading', 'absent', 'failed'];

/** What answers soonest. */
function preferred(models: readonly Model[]): Model | undefined {
  return [...models].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status))[0];
}
