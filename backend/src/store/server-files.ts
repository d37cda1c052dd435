/** The embedded server's folder in DATA_DIR: where things lie, its password, and which processes belong to it. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ServerFiles {
  /** The server's own: PostgreSQL's data directory and the password. */
  dir: string;
  data: string;
  password: string;
  /** Held by the gateway that owns the server. */
  lock: string;
  /** A copy of the program, for a server under another user id. */
  program: string;
}

export function serverFiles(dataDir: string, version: string): ServerFiles {
  const root = join(dataDir, 'postgres');
  return {
    dir: join(root, 'server'),
    data: join(root, 'server', 'data'),
    password: join(root, 'server', 'password'),
    lock: join(root, 'gateway.lock'),
    program: join(root, `program-${version}`),
  };
}

/** The superuser's password, made at the first call; mode 0600. */
export async function readOrMakePassword({ dir, password: path }: ServerFiles): Promise<string> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const existing = await readPassword(path);
  if (existing !== undefined) return existing;
  const made = randomBytes(32).toString('base64url');
  await writeFile(`${path}.tmp`, `${made}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.tmp`, path);
  return made;
}

export async function readPassword(path: string): Promise<string | undefined> {
  const text = await readIfThere(path);
  return text?.trim() || undefined;
}

export interface Postmaster {
  pid: number;
  port: number;
  /** It takes connections. */
  ready: boolean;
}

/** `postmaster.pid`: process, data directory, start time, port, two addresses, shared memory, status (pidfile.h). */
export async function readPostmaster(data: string): Promise<Postmaster | undefined> {
  const lines = (await readIfThere(join(data, 'postmaster.pid')))?.split('\n');
  const pid = Number(lines?.[0]);
  const port = Number(lines?.[3]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port, ready: lines?.[7]?.trim() === 'ready' };
}

/**
 * Stands in the command line of the server and of each of its processes (PostgreSQL's `cluster_name`), and in no other
 * server's: that is how a survivor is told from a stranger with a recycled process id.
 */
export function clusterName(password: string): string {
  return `gateway-${createHash('sha256').update(password).digest('hex').slice(0, 16)}`;
}

/** Living processes of the cluster. */
export async function clusterProcesses(name: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // A zombie's command line is empty. `unshare` becomes the server, so it has no process of its own.
      const commandLine = await readIfThere(`/proc/${pid}/cmdline`).catch(() => undefined);
      return commandLine?.includes(name) ? [pid] : [];
    }),
  );
  return found.flat();
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
    throw error;
  });
}
