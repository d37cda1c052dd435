import { useFormat } from '../lib/i18n/use-format.ts';
import { useT } from '../lib/i18n/use-t.ts';
import classes from './memory-bar.module.css';
import { messages } from './messages.ts';

export interface MemoryPart {
  key: string;
  name: string;
  bytes: number;
  /** A CSS colour. */
  color: string;
  /** It would be unloaded. */
  isLeaving?: boolean;
}

export interface MemoryBarProps {
  parts: readonly MemoryPart[];
  otherBytes: number;
  totalBytes: number;
  /** What would be added. */
  ghostBytes?: number;
}

/** A device's memory by who holds it; what is empty is free. */
export function MemoryBar({ parts, otherBytes, totalBytes, ghostBytes = 0 }: MemoryBarProps) {
  const t = useT(messages);
  const { bytes } = useFormat();
  const percent = (part: number) => `${totalBytes <= 0 ? 0 : Math.min(100, (100 * part) / totalBytes)}%`;
  const told = [
    ...parts.map((part) => `${part.name} ${bytes(part.bytes)}`),
    ...(otherBytes > 0 ? [t('otherPrograms', { bytes: bytes(otherBytes) })] : []),
    ...(ghostBytes > 0 ? [t('wouldAdd', { bytes: bytes(ghostBytes) })] : []),
  ];
  const label = told.length === 0 ? t('memoryEmpty') : told.join(', ');
  return (
    <div className={classes.bar} role="img" aria-label={label} title={label}>
      {parts.map(({ key, bytes: size, color, isLeaving }) => (
        <div
          key={key}
          className={`${classes.part} ${isLeaving === true ? classes.leaving : ''}`}
          style={{ width: percent(size), background: color }}
        />
      ))}
      {otherBytes > 0 && <div className={`${classes.part} ${classes.other}`} style={{ width: percent(otherBytes) }} />}
      {ghostBytes > 0 && <div className={classes.ghost} style={{ width: percent(ghostBytes) }} />}
    </div>
  );
}
