/** What a live event does to the query cache, by event type. Each area of the API has its rules beside its queries. */
import type { AdminEvent } from '@contract/admin.ts';
import type { QueryClient } from '@tanstack/react-query';

export type LiveEventOf<Type extends AdminEvent['type']> = Extract<AdminEvent, { type: Type }>;

export type LiveRules = {
  [Type in AdminEvent['type']]?: (event: LiveEventOf<Type>, client: QueryClient) => void;
};
