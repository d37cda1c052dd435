import { setTimeout as sleep } from 'node:timers/promises';

/** For what tells nobody that it happened (a foreign process's end, a file's disappearance): looks until it has. */
export async function waitUntil(
  what: string,
  holds: () => boolean | Promise<boolean>,
  { timeoutMs = 20_000, everyMs = 10 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(everyMs);
  }
}
