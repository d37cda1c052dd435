/** Whether live events arrive, whichever tab reads them. */
import { useSyncExternalStore } from 'react';
import { listeners } from '../../lib/listeners.ts';
import { useReachable } from '../reachability.ts';

export type StreamState = 'off' | 'connecting' | 'open' | 'down';

let state: StreamState = 'off';
const changed = listeners();

export function getStreamState(): StreamState {
  return state;
}

export function setStreamState(next: StreamState): void {
  if (state === next) return;
  state = next;
  changed.tell();
}

export type Connection = 'connecting' | 'live' | 'polling' | 'offline';

/** What the reader is told: `polling` is what a page without a stream does while the server answers. */
export function useConnection(): Connection {
  const stream = useSyncExternalStore(changed.subscribe, getStreamState);
  const reachable = useReachable();
  if (!reachable) return 'offline';
  if (stream === 'open') return 'live';
  return stream === 'down' ? 'polling' : 'connecting';
}
