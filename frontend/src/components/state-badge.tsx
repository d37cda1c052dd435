import { IconAlertTriangle, IconCheck, IconCircle, IconLock, IconProgress, IconX } from '@tabler/icons-react';
import type { ComponentType } from 'react';
import classes from './state-badge.module.css';

export type Tone = 'ok' | 'warning' | 'error' | 'active' | 'idle' | 'gated';

export interface StateBadgeProps {
  tone: Tone;
  word: string;
}

/** State as icon, word and colour: none of the three is needed to understand the other two. */
export function StateBadge({ tone, word }: StateBadgeProps) {
  const Icon = ICONS[tone];
  return (
    <span className={classes.badge} data-tone={tone}>
      <Icon size={14} stroke={2} aria-hidden />
      {word}
    </span>
  );
}

const ICONS: Record<Tone, ComponentType<{ size: number; stroke: number; 'aria-hidden': true }>> = {
  ok: IconCheck,
  warning: IconAlertTriangle,
  error: IconX,
  active: IconProgress,
  idle: IconCircle,
  gated: IconLock,
};
