import { Button } from '@mantine/core';
import { type ErrorComponentProps, useRouter } from '@tanstack/react-router';
import { ErrorCard } from '../components/error-card.tsx';
import { PageHeader } from '../components/page-header.tsx';
import { useT } from '../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

export function RouteError({ error }: ErrorComponentProps) {
  const t = useT(messages);
  const router = useRouter();
  return (
    <>
      <PageHeader
        title={t('errorTitle')}
        actions={
          <Button variant="default" onClick={() => location.reload()}>
            {t('reload')}
          </Button>
        }
      />
      <ErrorCard error={error} onRetry={() => void router.invalidate()} />
    </>
  );
}
