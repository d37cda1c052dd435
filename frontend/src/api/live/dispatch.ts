/** Live events through the rules of every area, one after another. */
import type { AdminEvent } from '@contract/admin.ts';
import type { QueryClient } from '@tanstack/react-query';
import { modelRules } from '../model-rules.ts';
import { isLive } from './live-interval.ts';
import { addLiveRules, liveRules } from './live-rules.ts';

// Every page has the models; the other areas add theirs when they are loaded.
addLiveRules(modelRules);

/** After these nothing that was read before is certain: the stream begins, or had to leave something out. */
const FRESH: ReadonlySet<string> = new Set(['snapshot', 'resync']);

/** @returns what takes each event; a snapshot takes a moment, and what follows it waits. */
export function createDispatch(client: QueryClient): (event: AdminEvent) => void {
  let last = Promise.resolve();
  return (event) => {
    last = last.then(() => apply(event, client));
  };
}

async function apply(event: AdminEvent, client: QueryClient): Promise<void> {
  // A fetch under way may have been answered before the stream began: its late answer must not win.
  if (FRESH.has(event.type)) await client.cancelQueries({ predicate: isLive });
  for (const rules of liveRules) {
    const rule = rules[event.type] as ((event: AdminEvent, client: QueryClient) => void) | undefined;
    rule?.(event, client);
  }
  if (FRESH.has(event.type)) refreshLive(client);
}

/** Whatever began or ended the stream may have changed everything that is live. */
export function refreshLive(client: QueryClient): void {
  void client.invalidateQueries({ predicate: isLive });
}
