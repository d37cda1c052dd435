import { PageHeader } from '../../components/page-header.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

export function WebhooksPage() {
  const t = useT(messages);
  return <PageHeader title={t('title')} />;
}
