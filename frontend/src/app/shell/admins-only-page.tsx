import { Button } from '@mantine/core';
import { signOut } from '../../api/session.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';

/** In place of a screen that the key does not open; its address stays, for another key. */
export function AdminsOnlyPage() {
  const t = useT(messages);
  return (
    <>
      <PageHeader title={t('adminKey')} />
      <EmptyState action={<Button onClick={signOut}>{t('otherKey')}</Button>}>{t('adminsOnly')}</EmptyState>
    </>
  );
}
