import { useConnection } from '../api/live/stream-state.ts';
import { useFormat } from '../lib/i18n/use-format.ts';
import { useT } from '../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import { Notice } from './notice.tsx';

/** While the server does not answer: since when what the screen shows may be out of date. @param updatedAt ms (a query's `dataUpdatedAt`). */
export function DataAge({ updatedAt }: { updatedAt: number }) {
  const t = useT(messages);
  const { time } = useFormat();
  if (useConnection() !== 'offline') return null;
  return (
    <Notice tone="warning" title={t('offlineTitle')}>
      {updatedAt > 0 && <p>{t('offlineBody', { time: time(updatedAt / 1000) })}</p>}
    </Notice>
  );
}

/** Why an action is not possible now; undefined when it is. For `disabled` and `title`. */
export function useOfflineReason(): string | undefined {
  const t = useT(messages);
  return useConnection() === 'offline' ? t('offlineAction') : undefined;
}
