/** When a process has nothing more to compute. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const SAMPLE_MS = 20;
/** Without a tick (10 ms) of processor time for so long it is idle. */
const QUIET_MS = 300;

/** Ticks of processor time so far: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html. */
export function processorTicks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** performance.now() of when it became idle, to 20 ms; at most one tick while it watches counts for idle. */
export async function untilIdle(ticks: () => number): Promise<number> {
  let quietSince = performance.now();
  for (let before = ticks(); performance.now() - quietSince < QUIET_MS; ) {
    await sleep(SAMPLE_MS);
    const now = ticks();
    if (now === before) continue;
    before = now;
    quietSince = performance.now();
  }
  return quietSince;
}
