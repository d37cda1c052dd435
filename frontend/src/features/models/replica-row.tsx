import type { AdminModel } from '@contract/admin.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { formatBytes } from '../../lib/format-bytes.ts';

type Replica = AdminModel['replicas'][number];

const STATE: Record<Replica['state'], { tone: Tone; word: string }> = {
  stopped: { tone: 'idle', word: 'Stopped' },
  starting: { tone: 'active', word: 'Starting' },
  ready: { tone: 'ok', word: 'Ready' },
  stopping: { tone: 'warning', word: 'Stopping' },
  failed: { tone: 'error', word: 'Failed' },
};

export function ReplicaRow({ replica }: { replica: Replica }) {
  const { tone, word } = STATE[replica.state];
  const memory = replica.resident_bytes === null ? '–' : formatBytes(replica.resident_bytes);
  return (
    <>
      <div className="replica">
        <span className="device">{replica.device_index === null ? replica.device : `GPU ${replica.device_index}`}</span>
        <Badge tone={tone} word={word} />
        {hasFigures(replica) && (
          <dl className="figures">
            <Figure name="in flight" value={replica.in_flight} />
            <Figure name="memory" value={memory} />
          </dl>
        )}
      </div>
      {replica.reason !== null && <p className="reason">{replica.reason}</p>}
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
