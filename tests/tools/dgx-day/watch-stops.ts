/** Replicas that were ended while requests were in them, though nobody had ordered that. */
import type { ModelRegistry } from '../../../backend/src/registry/registry.ts';

export interface StopWatch {
  readonly busy: readonly string[];
  end(): void;
}

/** `forced`: ids of models whose replicas may be ended whatever runs in them. */
export function watchStops(registry: ModelRegistry, forced: ReadonlySet<string>): StopWatch {
  const busy = new Set<string>();
  const end = registry.onChange(({ id: model, replicas }) => {
    for (const { id, state, in_flight: inFlight } of replicas) {
      if (state === 'stopping' && inFlight > 0 && !forced.has(model)) busy.add(id);
    }
  });
  return {
    get busy() {
      return [...busy];
    },
    end,
  };
}
