import type { Gpu } from '@contract/gpus.ts';
import { useFormat } from '../lib/i18n/use-format.ts';
import { useT } from '../lib/i18n/use-t.ts';
import classes from './gpu-tile.module.css';
import { messages } from './messages.ts';
import { StateBadge } from './state-badge.tsx';

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
  Partial<
    Pick<Gpu, 'ecc_uncorrected_errors' | 'row_remap_pending' | 'row_remap_failed' | 'recovery_action' | 'reason'>
  >;

/** Inside a button or a link of the class `tile`, in a list of the class `tiles`. */
export function GpuTile({ gpu }: { gpu: TileGpu }) {
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
      <span className={classes.quiet}>
        {told(gpu.utilization_percent, '%')} · {told(gpu.temperature_celsius, '°C')} · {told(gpu.power_watts, 'W')}
      </span>
    </>
  );
}

function GpuBadges({ gpu }: { gpu: TileGpu }) {
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
      {gpu.recovery_action != null && gpu.recovery_action !== 'None' && (
        <StateBadge tone="error" word={t('recoveryAction', { action: gpu.recovery_action })} />
      )}
      {gpu.row_remap_failed === true && <StateBadge tone="error" word={t('remapFailed')} />}
      {gpu.row_remap_pending === true && <StateBadge tone="warning" word={t('remapPending')} />}
      {errors > 0 && <StateBadge tone="error" word={t('eccErrors', { count: errors })} />}
    </>
  );
}
