/** Puts the loop into a decoder in a process of its own, whose memory is then that of the surgery: `MODEL PRECISION`. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Precision, shapeLoop } from './shape-model.ts';

export interface Surgery {
  /** Of the new graph. */
  path: string;
  seconds: number;
  /** Most memory the process ever had, and what it had before. */
  peakBytes: number;
  beforeBytes: number;
}

export async function operate(model: string, precision: Precision): Promise<Surgery> {
  const script = fileURLToPath(import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, [script, model, precision]);
  return JSON.parse(stdout) as Surgery;
}

/** Of this program alone: Linux's `maxRSS` begins with that of the process which started it. */
function peakMemory(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

if (import.meta.main) {
  const [, , model = '', precision = ''] = process.argv;
  const beforeBytes = process.memoryUsage.rss();
  const began = performance.now();
  const path = await shapeLoop(model, precision as Precision);
  const surgery: Surgery = {
    path,
    seconds: (performance.now() - began) / 1000,
    peakBytes: peakMemory(),
    beforeBytes,
  };
  console.log(JSON.stringify(surgery));
}
