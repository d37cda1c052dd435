import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { EmptyState } from '../components/empty-state.tsx';
import { PageHeader } from '../components/page-header.tsx';
import { useT } from '../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

export function NotFoundPage() {
  const t = useT(messages);
  return (
    <>
      <PageHeader title={t('notFound')} />
      <EmptyState
        action={
          <Anchor component={Link} to="/">
            {t('toStart')}
          </Anchor>
        }
      >
        {t('notFoundBody')}
      </EmptyState>
    </>
  );
}
