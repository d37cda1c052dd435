import { Badge, type Tone } from '../../components/badge.tsx';
import type { Connection } from './use-live-models.ts';

const LOOK: Record<Connection, { tone: Tone; word: string }> = {
  connecting: { tone: 'idle', word: 'Connecting' },
  live: { tone: 'ok', word: 'Live' },
  polling: {
    tone: 'warning',
    word: 'Polling',
  },
  offline: { tone: 'error', word: 'Offline' },
};

export function ConnectionBadge({ connection }: { connection: Connection }) {
  const { tone, word } = LOOK[connection];
  return (
    <span role="status">
      <span className="visually-hidden">Connection: </span>
      <Badge tone={tone} word={word} />
    </span>
  );
}
