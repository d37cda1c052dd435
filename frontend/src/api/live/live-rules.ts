/** What a live event does to the query cache, by event type. Each area of the API has its rules beside its queries. */
import type { AdminEvent } from '@contract/admin.ts';
import type { QueryClient } from '@tanstack/react-query';

/** Several types may share a shape: `job.state`, `job.progress`. */
export type LiveEventOf<Type extends AdminEvent['type'], Event = AdminEvent> = Event extends { type: infer Types }
  ? Type extends Types
    ? Event
    : never
  : never;

export type LiveRules = {
  [Type in AdminEvent['type']]?: (event: LiveEventOf<Type>, client: QueryClient) => void;
};

const added: LiveRules[] = [];
export const liveRules: readonly LiveRules[] = added;

/** Beside an area's queries: before these are loaded there is nothing of it in the cache to change. */
export function addLiveRules(rules: LiveRules): void {
  added.push(rules);
}
