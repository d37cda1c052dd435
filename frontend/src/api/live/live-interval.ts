/** How often live data is read again: rarely while events keep it current, often while they do not. */
import type { Query } from '@tanstack/react-query';
import { getStreamState } from './stream-state.ts';

/** In case an event was lost on the way. */
const RECONCILE_MS = 60_000;
const POLL_MS = 5_000;
const POLL_BUSY_MS = 1_000;

/** `meta` of a query that events keep current: a new stream refreshes it. */
export const LIVE = { live: true } as const;

export function isLive({ meta }: Pick<Query, 'meta'>): boolean {
  return meta?.live === true;
}

/** For `refetchInterval`. @param isBusy whether something is under way that changes by the second. */
export function liveInterval<Data>(isBusy?: (data: Data) => boolean) {
  return ({ state }: { state: { data: unknown } }): number => {
    if (getStreamState() === 'open') return RECONCILE_MS;
    return state.data !== undefined && isBusy?.(state.data as Data) === true ? POLL_BUSY_MS : POLL_MS;
  };
}
