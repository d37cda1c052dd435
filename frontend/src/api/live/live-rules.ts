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
