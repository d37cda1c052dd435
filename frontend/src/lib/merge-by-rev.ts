export interface Revised {
  id: string;
  /** Grows with every change of any entity of the server. */
  rev: number;
}

/**
 * A fetched list over a cached one that may be newer in places. What the list does not name is gone, unless it changed
 * after the list was made.
 */
export function mergeByRev<T extends Revised>(cached: readonly T[], fetched: readonly T[]): T[] {
  const known = new Map(cached.map((entity) => [entity.id, entity]));
  const fetchedIds = new Set(fetched.map(({ id }) => id));
  const fetchedRev = Math.max(0, ...fetched.map(({ rev }) => rev));
  const merged = fetched.map((entity) => newer(known.get(entity.id), entity));
  return [...merged, ...cached.filter(({ id, rev }) => !fetchedIds.has(id) && rev > fetchedRev)];
}

/** One changed entity over a cached list. */
export function upsertByRev<T extends Revised>(cached: readonly T[], changed: T): T[] {
  if (!cached.some(({ id }) => id === changed.id)) return [...cached, changed];
  return cached.map((entity) => (entity.id === changed.id ? newer(entity, changed) : entity));
}

function newer<T extends Revised>(cached: T | undefined, incoming: T): T {
  return cached !== undefined && cached.rev > incoming.rev ? cached : incoming;
}
