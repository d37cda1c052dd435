import { StateBadge, type Tone } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import type { KeyState } from './key-state.ts';
import { messages } from './messages.ts';

const TONES: Record<KeyState, Tone> = { active: 'ok', overlapping: 'active', expired: 'warning', revoked: 'idle' };

export function KeyStateBadge({ state }: { state: KeyState }) {
  const t = useT(messages);
  return <StateBadge tone={TONES[state]} word={t(state)} />;
}
