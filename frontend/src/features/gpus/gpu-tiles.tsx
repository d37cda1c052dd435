import type { Gpu } from '@contract/gpus.ts';
import { StateBadge } from '../../components/state-badge.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './gpus.module.css';
import { messages } from './messages.ts';

/** What of a GPU its tile shows. */
export type TileGpu = Pick<
  Gpu,
  | 'index'
  | 'uuid'
  | 'name'
  | 'state'
  | 'memory_total_bytes'
  | 'memory_used_bytes'
  | 'utilization_percent'
  | 'temperature_celsius'
  | 'power_watts'
  | 'slowdown_reasons'
> &
  Partial<Pick<Gpu, 'ecc_uncorrected_errors' | 'reason'>>;

export interface GpuTilesProps {
  gpus: readonly TileGpu[];
  /** UUID; the charts show that one. */
  chosen: string | undefined;
  onChoose: (uuid: string | undefined) => void;
}

/** All GPUs at a glance; each is a button that shows its own charts. */
export function GpuTiles({ gpus, chosen, onChoose }: GpuTilesProps) {
  const t = useT(messages);
  return (
    <ul className={classes.tiles} aria-label={t('gpusNow')}>
      {gpus.map((gpu) => (
        <li key={gpu.uuid}>
          <button
            type="button"
            className={classes.tile}
            aria-pressed={chosen === gpu.uuid}
            onClick={() => onChoose(chosen === gpu.uuid ? undefined : gpu.uuid)}
          >
            <TileContent gpu={gpu} />
          </button>
        </li>
      ))}
    </ul>
  );
}

export function TileContent({ gpu }: { gpu: TileGpu }) {
  const t = useT(messages);
  const { bytes, number } = useFormat();
  const { memory_used_bytes: used, memory_total_bytes: total } = gpu;
  const told = (value: number | null, unit: string) => (value === null ? '–' : `${number(Math.round(value))} ${unit}`);
  return (
    <>
      <span className={classes.tileHead}>
        <strong>GPU {gpu.index}</strong>
        <GpuBadges gpu={gpu} />
      </span>
      <span className={classes.quiet}>{gpu.name}</span>
      <span className={classes.meter} aria-hidden>
        <span style={{ width: `${used === null || !total ? 0 : (100 * used) / total}%` }} />
      </span>
      <span>{used === null || total === null ? '–' : t('usedOf', { used: bytes(used), total: bytes(total) })}</span>
      <span className={classes.quiet} title={t('utilizationHelp')}>
        {told(gpu.utilization_percent, '%')} · {told(gpu.temperature_celsius, '°C')} · {told(gpu.power_watts, 'W')}
      </span>
    </>
  );
}

export function GpuBadges({ gpu }: { gpu: TileGpu }) {
  const t = useT(messages);
  const slowdowns = gpu.slowdown_reasons ?? [];
  const errors = gpu.ecc_uncorrected_errors ?? 0;
  return (
    <>
      {gpu.state === 'lost' && <StateBadge tone="error" word={t('lost')} />}
      {slowdowns.length > 0 && (
        <span title={slowdowns.join(', ')}>
          <StateBadge tone="warning" word={t('throttled')} />
        </span>
      )}
      {errors > 0 && <StateBadge tone="error" word={t('eccErrors', { count: errors })} />}
    </>
  );
}
