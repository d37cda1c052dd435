import tile from '../../components/gpu-tile.module.css';
import { GpuTile, type TileGpu } from '../../components/gpu-tile.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

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
    <ul className={tile.tiles} aria-label={t('gpusNow')}>
      {gpus.map((gpu) => (
        <li key={gpu.uuid}>
          <button
            type="button"
            className={tile.tile}
            aria-pressed={chosen === gpu.uuid}
            onClick={() => onChoose(chosen === gpu.uuid ? undefined : gpu.uuid)}
          >
            <GpuTile gpu={gpu} />
          </button>
        </li>
      ))}
    </ul>
  );
}
