import { readFileSync } from 'node:fs';

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
