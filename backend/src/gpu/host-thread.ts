/** A thread for systeminformation, which starts programs and waits for them: that must not hold up the gateway. */
import { parentPort } from 'node:worker_threads';
import { currentLoad, fsSize, mem, type Systeminformation } from 'systeminformation';

export interface HostSample {
  loadPercent: number;
  memory: Systeminformation.MemData;
}

/** Mounts, asked for less often: `df` looks at every file system, and hangs on one whose server is gone. */
export type HostMessage = { sample: HostSample } | { mounts: Systeminformation.FsSizeData[] };

const MOUNTS_MAX_AGE_MS = 60_000;
let mountsAskedAt = Number.NEGATIVE_INFINITY;
let askingMounts = false;

function send(message: HostMessage): void {
  parentPort?.postMessage(message);
}

async function askMounts(): Promise<void> {
  if (askingMounts || performance.now() - mountsAskedAt < MOUNTS_MAX_AGE_MS) return;
  askingMounts = true;
  mountsAskedAt = performance.now();
  send({ mounts: await fsSize() });
  askingMounts = false;
}

parentPort?.on('message', async () => {
  void askMounts();
  const [load, memory] = await Promise.all([currentLoad(), mem()]);
  send({ sample: { loadPercent: load.currentLoad, memory } });
});
