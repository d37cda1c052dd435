/** Any repository of the hub: what it would cost is shown before it is added. */
import { Anchor, Button, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { preflightModel } from '../../api/model-actions.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { LoadingSkeleton } from '../../components/loading-skeleton.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './models.module.css';
import { PreflightResult } from './preflight-result.tsx';

export function AddModelPage() {
  const t = useT(messages);
  const offline = useOfflineReason();
  const [repo, setRepo] = useState('');
  const [revision, setRevision] = useState('');
  const check = useMutation({
    mutationFn: (family?: string) =>
      preflightModel({
        repo: repo.trim(),
        ...(revision.trim() !== '' && { revision: revision.trim() }),
        ...(family !== undefined && { family }),
      }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (repo.trim() !== '' && offline === undefined) check.mutate(undefined);
  };
  return (
    <>
      <PageHeader
        title={t('addTitle')}
        description={t('addHelp')}
        actions={
          <Anchor component={Link} to="/models">
            {t('allModels')}
          </Anchor>
        }
      />
      <div className={classes.sections}>
        <form onSubmit={submit} className={classes.form}>
          <TextInput
            label={t('repository')}
            placeholder="org/name"
            required
            autoComplete="off"
            spellCheck={false}
            value={repo}
            onChange={(event) => setRepo(event.currentTarget.value)}
          />
          <TextInput
            label={t('revision')}
            placeholder="main"
            autoComplete="off"
            spellCheck={false}
            value={revision}
            onChange={(event) => setRevision(event.currentTarget.value)}
          />
          <Button type="submit" size="md" loading={check.isPending} disabled={offline !== undefined} title={offline}>
            {t('check')}
          </Button>
        </form>
        {check.isPending && <LoadingSkeleton rows={3} />}
        {check.error !== null && <ErrorCard error={check.error} title={t('checkFailed')} />}
        {check.data !== undefined && !check.isPending && (
          <PreflightResult
            key={`${check.data.repo} ${check.data.commit} ${check.data.family ?? ''}`}
            result={check.data}
            onFamily={(family) => check.mutate(family)}
          />
        )}
      </div>
    </>
  );
}
