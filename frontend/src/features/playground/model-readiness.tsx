import type { Model } from '@contract/models.ts';
import { useQuery } from '@tanstack/react-query';
import { modelsQuery } from '../../api/models.ts';
import { useSession } from '../../api/session.ts';
import { BundledBadge } from '../../components/bundled-badge.tsx';
import { StateBadge, type Tone } from '../../components/state-badge.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

const TONES: Record<Model['status'], Tone> = {
  ready: 'ok',
  loading: 'active',
  downloading: 'active',
  downloaded: 'idle',
  absent: 'idle',
  failed: 'error',
};

/** Whether the model answers at once, and if not what has to happen first; operators also see how much and where. */
export function ModelReadiness({ model }: { model: Model }) {
  const t = useT(messages);
  const { bytes, duration } = useFormat();
  const session = useSession();
  const isAdmin = session.state !== 'signed-out' && session.role === 'admin';
  const { data } = useQuery({ ...modelsQuery, enabled: isAdmin });
  const details = data?.find(({ id }) => id === model.id);
  // Of two answers the operators' comes by the event stream, and is the newer.
  const status = details?.status ?? model.status;
  const where = details?.replicas
    .filter(({ state }) => state === 'ready')
    .map(({ device_index: index }) => (index === null ? 'CPU' : t('gpu', { index })))
    .join(', ');
  const { load_seconds: seconds, download_bytes: size } = details ?? model;
  const isCold = status === 'loading' || status === 'downloading' || status === 'downloaded' || status === 'absent';
  return (
    <div>
      <StateBadge tone={TONES[status]} word={t(`model_${status}`)} /> {model.bundled && <BundledBadge />}{' '}
      <span>
        {status === 'ready'
          ? where
          : status === 'absent' && size !== null
            ? t('coldBytes', { bytes: bytes(size) })
            : t(`cold_${status}`)}
        {isCold && seconds !== null && ` ${t('loadTook', { time: duration(seconds) })}`}
      </span>
    </div>
  );
}
