/** How much memory another process takes. */
import { readFileSync, writeFileSync } from 'node:fs';

/** MiB, from https://man7.org/linux/man-pages/man5/proc_pid_status.5.html. */
export function memoryOf(pid: number): { resident: number; peak: number | undefined } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => {
    const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
  };
  const resident = field('VmRSS');
  if (resident === undefined) throw new Error(`process ${pid} tells no memory`);
  return { resident, peak: isPeakReset ? field('VmHWM') : undefined };
}

let isPeakReset = false;

/** 5 resets the high-water mark: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html. */
export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    isPeakReset = true;
  } catch {
    isPeakReset = false;
  }
}
