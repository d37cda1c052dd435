import type { WebhookDeliveryStatus } from '@contract/webhooks.ts';
import { StateBadge, type Tone } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

const TONES: Record<WebhookDeliveryStatus, Tone> = {
  pending: 'active',
  delivered: 'ok',
  dead: 'error',
  cancelled: 'idle',
};

export function DeliveryStatusBadge({ status }: { status: WebhookDeliveryStatus }) {
  const t = useT(messages);
  return <StateBadge tone={TONES[status]} word={t(status)} />;
}
