import type { AdminModel } from '@contract/admin.ts';
import { StateBadge, type Tone } from '../../components/state-badge.tsx';
import { deviceName } from '../../lib/device-name.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './models.module.css';

export type Replica = AdminModel['replicas'][number];

export const REPLICA_TONES: Record<Replica['state'], Tone> = {
  stopped: 'idle',
  starting: 'active',
  ready: 'ok',
  stopping: 'warning',
  failed: 'error',
};

/** A replica as a chip: where it is, how it is, and what it does. */
export function ReplicaRow({ replica }: { replica: Replica }) {
  const t = useT(messages);
  const { bytes } = useFormat();
  const memory = replica.resident_bytes === null ? '–' : bytes(replica.resident_bytes);
  return (
    <>
      <div className={classes.chip} title={replica.device}>
        <span>{deviceName(replica.device, replica.device_index)}</span>
        <StateBadge tone={REPLICA_TONES[replica.state]} word={t(replica.state)} />
        {hasFigures(replica) && (
          <dl className={classes.figures}>
            <Figure name={t('inFlight')} value={replica.in_flight} />
            <Figure name={t('memory')} value={memory} />
          </dl>
        )}
      </div>
      {replica.reason !== null && <p className={classes.reason}>{replica.reason}</p>}
    </>
  );
}

/** Nothing runs in a replica without a process. */
function hasFigures({ state, in_flight }: Replica): boolean {
  return (state !== 'stopped' && state !== 'failed') || in_flight > 0;
}

function Figure({ name, value }: { name: string; value: number | string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
