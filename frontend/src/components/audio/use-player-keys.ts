import { type Shortcuts, useShortcuts } from '../../lib/shortcuts.ts';

export interface PlayerKeys {
  onToggle: () => void;
  /** Seconds, forward or back. */
  onSeek: (seconds: number) => void;
  /** More keys of the player. */
  further?: Shortcuts;
}

const STEP = 5;

/** Space plays and pauses, ← and → go 5 s; what a control with the focus does with them is its own. */
export function usePlayerKeys({ onToggle, onSeek, further = {} }: PlayerKeys): void {
  const free = (action: () => void) => (event: KeyboardEvent) => {
    if (isControl(event.target)) return false;
    action();
    return true;
  };
  useShortcuts({
    ' ': free(onToggle),
    ArrowLeft: free(() => onSeek(-STEP)),
    ArrowRight: free(() => onSeek(STEP)),
    ...further,
  });
}

function isControl(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest('button, a, input, summary, audio, pre, [role="slider"], [role="tab"], [role="radio"]') !== null
  );
}
