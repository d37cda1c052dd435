/** Workers and the kernel's killer of processes that takes memory back when none is left (proc(5), cgroups(7)). */
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Makes it choose this process before any that has not been offered. By itself it takes the largest, which is the gateway while
 * a small model loads; all requests would end with it, not those of one model.
 */
export function offerToOomKiller(pid: number | undefined): void {
  try {
    if (pid !== undefined) writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // It has ended already, or this is no Linux.
  }
}

/**
 * Processes the kernel has killed for lack of memory so far: in this container's cgroup (v2), else on the machine.
 * A SIGKILL tells nothing of its sender; this counter moving does. undefined where neither file exists.
 */
export function countOomKills(): number | undefined {
  for (const path of ['/sys/fs/cgroup/memory.events', '/proc/vmstat']) {
    try {
      const match = /^oom_kill (\d+)$/m.exec(readFileSync(path, 'utf8'));
      if (match?.[1] !== undefined) return Number(match[1]);
    } catch {
      // The next source may exist.
    }
  }
  return undefined;
}
