/** Which idle replicas of one device make room at the least cost: the fewest, and of those the least recently used. */

export interface Evictable {
  id: string;
  /** What ends with it. */
  bytes: number;
  /** Milliseconds since the epoch. */
  lastUsedAt: number;
}

/**
 * The smallest set that holds at least `shortfall` bytes; among sets of that size, the one whose most recent use is
 * oldest (then whose second most recent is, and so on; equal times by id). Exact, in O(n²).
 * @returns least recently used first, `[]` where nothing need go; undefined where all of them are not enough.
 */
export function chooseEvictions<T extends Evictable>(idle: readonly T[], shortfall: number): T[] | undefined {
  const size = fewest(idle, shortfall);
  if (size === undefined) return undefined;
  // Most recent first: each one is spared unless no set of `size` could do without it.
  const pool = idle.toSorted((a, b) => compareUse(b, a));
  const chosen: T[] = [];
  let missing = shortfall;
  for (const [index, replica] of pool.entries()) {
    const wanted = size - chosen.length;
    if (wanted === 0) break;
    if (largestBytes(pool.slice(index + 1), wanted) >= missing) continue;
    chosen.push(replica);
    missing -= replica.bytes;
  }
  return chosen.reverse();
}

/** Least recently used first, the same whatever order they came in. */
function compareUse(a: Evictable, b: Evictable): number {
  return a.lastUsedAt - b.lastUsedAt || (a.id < b.id ? -1 : 1);
}

function fewest(idle: readonly Evictable[], shortfall: number): number | undefined {
  let missing = shortfall;
  let size = 0;
  for (const { bytes } of bySize(idle)) {
    if (missing <= 0) break;
    missing -= bytes;
    size += 1;
  }
  return missing <= 0 ? size : undefined;
}

/** What the `count` largest hold together; -Infinity where there are not as many. */
function largestBytes(replicas: readonly Evictable[], count: number): number {
  if (replicas.length < count) return -Infinity;
  return bySize(replicas)
    .slice(0, count)
    .reduce((sum, { bytes }) => sum + bytes, 0);
}

function bySize(replicas: readonly Evictable[]): Evictable[] {
  return replicas.toSorted((a, b) => b.bytes - a.bytes);
}
