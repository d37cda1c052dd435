import type { JobStatus } from '@contract/jobs.ts';
import { StateBadge, type Tone } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

const TONES: Record<JobStatus, Tone> = {
  queued: 'idle',
  running: 'active',
  succeeded: 'ok',
  failed: 'error',
  cancelled: 'idle',
};

export function JobStatusBadge({ status }: { status: JobStatus }) {
  const t = useT(messages);
  return <StateBadge tone={TONES[status]} word={t(status)} />;
}
