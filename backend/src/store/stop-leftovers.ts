/** Ends what is left of a server whose gateway, or whose postmaster, was killed, so that a new one can start. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterProcesses, readPostmaster } from './server-files.ts';

export interface Leftovers {
  data: string;
  cluster: string;
}

/** A fast shutdown writes a checkpoint first. */
const SHUTDOWN_MS = 60_000;
/** Processes of a dead postmaster end by themselves; one in the middle of a long query does not notice. */
const ORPHAN_MS = 3_000;
const POLL_MS = 20;

/** To be called by the holder of the folder's lock alone. @returns what was found. */
export async function stopLeftovers({ data, cluster }: Leftovers): Promise<'nothing' | 'survivor' | 'orphans'> {
  const found = await clusterProcesses(cluster);
  const postmaster = (await readPostmaster(data))?.pid;
  const survivor = postmaster !== undefined && found.includes(postmaster);
  if (survivor) {
    signal(postmaster, 'SIGINT');
    if (!(await gone(cluster, SHUTDOWN_MS))) signal(postmaster, 'SIGKILL');
  }
  if (found.length > 0 && !(await gone(cluster, ORPHAN_MS))) {
    for (const pid of await clusterProcesses(cluster)) signal(pid, 'SIGKILL');
    if (!(await gone(cluster, ORPHAN_MS))) throw new Error(`processes of an earlier server in ${data} do not end`);
  }
  // No process of the cluster lives: the id in the file is a zombie's, or has been given to a stranger since.
  await rm(join(data, 'postmaster.pid'), { force: true });
  if (survivor) return 'survivor';
  return found.length > 0 ? 'orphans' : 'nothing';
}

async function gone(cluster: string, ms: number): Promise<boolean> {
  const deadline = Date.now() + ms;
  while ((await clusterProcesses(cluster)).length > 0) {
    if (Date.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended since.
  }
}
