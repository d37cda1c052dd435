const MIN_MS = 1_000;
const MAX_MS = 30_000;

/**
 * Milliseconds to wait before the next attempt, anywhere between 1 s and a bound that doubles from 2 s to 30 s: pages
 * that lost the same server do not come back in step.
 * @param failures attempts that failed in a row before this one
 */
export function backoffDelay(failures: number, random: () => number = Math.random): number {
  const bound = Math.min(MAX_MS, 2 * MIN_MS * 2 ** failures);
  return MIN_MS + random() * (bound - MIN_MS);
}
