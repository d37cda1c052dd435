import { Button, Card, Stack, TextInput, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api } from '../../api/api.ts';
import { testWebhook } from '../../api/webhooks.ts';
import { CodeBlock } from '../../components/code-block.tsx';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { Notice } from '../../components/notice.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './webhooks.module.css';

/** Sends one event now, and says what became of it. */
export function WebhookTestCard() {
  const t = useT(messages);
  const offline = useOfflineReason();
  const [url, setUrl] = useState('');
  const test = useMutation({
    mutationFn: () => api(testWebhook, { body: url.trim() === '' ? {} : { url: url.trim() } }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!test.isPending) test.mutate();
  };
  const { data } = test;
  return (
    <Card withBorder component="section" aria-label={t('test')}>
      <Title order={2} mb="sm">
        {t('test')}
      </Title>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <p className={classes.quiet}>{t('testNote')}</p>
          <TextInput
            type="url"
            label={t('testUrl')}
            description={t('testHint')}
            value={url}
            onChange={(event) => setUrl(event.currentTarget.value)}
            autoComplete="off"
          />
          <div>
            <Button type="submit" loading={test.isPending} disabled={offline !== undefined} title={offline}>
              {t('testDo')}
            </Button>
          </div>
          {test.error !== null && <ErrorCard error={test.error} />}
          <div role="status">
            {data?.delivered === true && (
              <StateBadge tone="ok" word={t('testOk', { status: data.status ?? 0, ms: data.duration_ms })} />
            )}
          </div>
          {data?.delivered === false && (
            <Notice tone="error" title={t('testFailed')}>
              {data.error !== null && <p>{data.error}</p>}
              {data.status !== null && <p>{t('testStatus', { status: data.status, ms: data.duration_ms })}</p>}
            </Notice>
          )}
          {data !== undefined && <CodeBlock>{data.payload}</CodeBlock>}
        </Stack>
      </form>
    </Card>
  );
}
