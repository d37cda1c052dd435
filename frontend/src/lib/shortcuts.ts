/** Keys that do something anywhere on the page, unless somebody is typing or has switched them off. */
import { useEffect, useEffectEvent, useSyncExternalStore } from 'react';
import { listeners } from './listeners.ts';
import { localStore } from './safe-storage.ts';

const STORAGE_KEY = 'agw.shortcuts';
const changed = listeners();
let enabled = localStore.get(STORAGE_KEY) !== 'off';

export function useShortcutsEnabled(): boolean {
  return useSyncExternalStore(changed.subscribe, () => enabled);
}

export function enableShortcuts(on: boolean): void {
  enabled = on;
  if (on) localStore.remove(STORAGE_KEY);
  else localStore.set(STORAGE_KEY, 'off');
  changed.tell();
}

/** By `KeyboardEvent.key`: `j`, `/`, ` `, `ArrowLeft`. @returns false: not mine, the browser may have it. */
export type Shortcuts = Record<string, (event: KeyboardEvent) => boolean | undefined>;

/** In force while the component is mounted. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const handle = useEffectEvent((event: KeyboardEvent) => {
    if (!enabled || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || isDialogOpen()) return;
    const action = shortcuts[event.key];
    if (action !== undefined && action(event) !== false) event.preventDefault();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => handle(event);
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);
}

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches('input:not([type=checkbox], [type=radio]), textarea, select');
}

function isDialogOpen(): boolean {
  return document.querySelector('[role="dialog"], dialog[open]') !== null;
}
