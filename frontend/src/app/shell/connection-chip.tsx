import { VisuallyHidden } from '@mantine/core';
import { type Connection, useConnection } from '../../api/live/stream-state.ts';
import { StateBadge, type Tone } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';

const TONES: Record<Connection, Tone> = { connecting: 'idle', live: 'ok', polling: 'warning', offline: 'error' };

/** Whether what is on the page is current. */
export function ConnectionChip() {
  const t = useT(messages);
  const connection = useConnection();
  return (
    <span role="status">
      <VisuallyHidden>{t('connection')}</VisuallyHidden>
      <StateBadge tone={TONES[connection]} word={t(connection)} />
    </span>
  );
}
