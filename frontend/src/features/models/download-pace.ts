/** What there is to say of a download's speed: one thing at a time. */
import type { AdminModel } from '@contract/admin.ts';

export type Pace =
  | { kind: 'paused' }
  /** Without a rate: it lists, verifies, or has just begun. */
  | { kind: 'phase'; phase: 'listing' | 'verifying' | 'begins' }
  | { kind: 'stalled'; seconds: number }
  | { kind: 'rate'; bytesPerSecond: number; etaSeconds: number | null };

export function downloadPace(download: NonNullable<AdminModel['files']['download']>): Pace {
  const { phase, bytes_per_second, eta_seconds, stalled_seconds } = download;
  if (phase === 'paused') return { kind: 'paused' };
  if (phase !== 'downloading') return { kind: 'phase', phase };
  // Instead of a time that grows without end.
  if (stalled_seconds > 0) return { kind: 'stalled', seconds: stalled_seconds };
  if (bytes_per_second === null) return { kind: 'phase', phase: 'begins' };
  return { kind: 'rate', bytesPerSecond: bytes_per_second, etaSeconds: eta_seconds };
}
