/** Whether the server answered when it was last asked for anything. */
import { useSyncExternalStore } from 'react';
import { listeners } from '../lib/listeners.ts';

let reachable = true;
const changed = listeners();

export function noteReachable(answered: boolean): void {
  if (reachable === answered) return;
  reachable = answered;
  changed.tell();
}

export function useReachable(): boolean {
  return useSyncExternalStore(changed.subscribe, () => reachable);
}
