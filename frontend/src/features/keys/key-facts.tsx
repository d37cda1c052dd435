import type { ReactNode } from 'react';
import { Facts } from '../../components/facts.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import type { KeyDraft } from './key-draft.ts';
import { messages } from './messages.ts';

export interface KeyFactsProps {
  draft: KeyDraft;
  /** What only a key that exists has. */
  more?: readonly (readonly [name: string, value: ReactNode])[];
}

/** What a key may do and how much of it, in words: the wizard's summary and the key's own page. */
export function KeyFacts({ draft, more = [] }: KeyFactsProps) {
  const t = useT(messages);
  const { number } = useFormat();
  const limit = (text: string) => (text === '' ? t('noLimit') : number(Number(text)));
  return (
    <Facts
      facts={[
        [t('name'), draft.name],
        [t('role'), draft.admin ? t('roleAdmin') : t('roleUser')],
        [t('tasks'), draft.tasks === null ? t('allTasks') : draft.tasks.map((task) => t(task)).join(', ')],
        [t('models'), draft.models === null ? t('allModels') : draft.models.join(', ')],
        [t('requestsPerMinute'), limit(draft.requestsPerMinute)],
        [t('concurrentJobs'), limit(draft.concurrentJobs)],
        [t('minutesPerDay'), limit(draft.minutesPerDay)],
        [t('minutesPerMonth'), limit(draft.minutesPerMonth)],
        [t('expires'), draft.expiresOn === '' ? t('never') : draft.expiresOn],
        draft.webhookUrl !== '' && [t('webhook'), draft.webhookUrl],
        ...more,
      ]}
    />
  );
}
