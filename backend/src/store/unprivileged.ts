/**
 * PostgreSQL refuses to run as root, or as a user id without a name. Where the gateway does, its server runs in a user
 * namespace (files on the disk keep their owner); where the kernel or a container refuses namespaces, root's server runs
 * under another user id.
 */
import { execFile, type SpawnOptions } from 'node:child_process';
import { access, chown, constants, cp, lstat, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A command line and the identity to spawn it with. */
export interface Launch {
  command: string;
  args: string[];
  options: Pick<SpawnOptions, 'uid' | 'gid'>;
}

export interface Launcher {
  /** Folder with `postgres` and `initdb` that the server's identity can read. */
  binDir: string;
  /** Who owns the server's files, seen from here; undefined: whoever runs the gateway. */
  owner: number | undefined;
  launch(program: string, args: readonly string[]): Launch;
}

export interface LauncherOptions {
  /** The package's folder: holds `bin`, `lib` and `share`. */
  nativeDir: string;
  /** Where a copy of it may be put for another user; the folder it lies in exists. */
  copyTo: string;
  /** Default: the process's own. */
  uid?: number | undefined;
  /** For tests: whether to try a user namespace. */
  namespaces?: boolean;
}

/** One of them is on every distribution; `initdb` insists on a user with a name. */
const SERVER_USERS = ['daemon', 'nobody', 'postgres'];
/** Nothing of the gateway's environment (it holds secrets, and PG* variables change what the server does). */
export const SERVER_ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/** @throws when no way is open; the message says what to do. */
export async function findLauncher(options: LauncherOptions): Promise<Launcher> {
  const { nativeDir, copyTo, namespaces = true, uid = process.getuid?.() ?? 0 } = options;
  const binDir = join(nativeDir, 'bin');
  const users = await readUsers();
  if (uid !== 0 && users.some((user) => user.uid === uid)) {
    return { binDir, owner: undefined, launch: (program, args) => direct(binDir, program, args, {}) };
  }
  const stranger = SERVER_USERS.map((wanted) => users.find(({ name }) => name === wanted)).find(Boolean);
  if (stranger === undefined)
    throw new Error(`${NO_WAY}: /etc/passwd names none of ${SERVER_USERS.join(', ')}. ${ADVICE}`);

  const inNamespace = (program: string, args: readonly string[]): Launch => ({
    command: 'unshare',
    args: ['--user', `--map-user=${stranger.uid}`, `--map-group=${stranger.gid}`, join(binDir, program), ...args],
    options: {},
  });
  if (namespaces && (await starts(inNamespace('postgres', ['--version'])))) {
    return { binDir, owner: uid, launch: inNamespace };
  }
  if (uid !== 0) throw new Error(`${NO_WAY}: the user id ${uid} has no name in /etc/passwd. ${ADVICE}`);

  const identity = { uid: stranger.uid, gid: stranger.gid };
  const reachable = await starts({ command: 'test', args: ['-x', dirname(copyTo)], options: identity });
  for (const dir of reachable ? [nativeDir, copyTo] : []) {
    // The packages may lie below a folder that only root can enter.
    if (dir === copyTo) await copyOnce(nativeDir, copyTo);
    const bin = join(dir, 'bin');
    if (await starts(direct(bin, 'postgres', ['--version'], identity))) {
      return { binDir: bin, owner: stranger.uid, launch: (program, args) => direct(bin, program, args, identity) };
    }
  }
  throw new Error(
    `${NO_WAY} as root: user namespaces are refused, and only root may enter the folder of DATA_DIR. ${ADVICE}`,
  );
}

const NO_WAY = 'The embedded PostgreSQL cannot run here';
const ADVICE = 'Run the gateway as another user, or set DATABASE_URL.';

async function readUsers(): Promise<{ name: string; uid: number; gid: number }[]> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const [name = '', , uid, gid] = line.split(':');
    return name === '' ? [] : [{ name, uid: Number(uid), gid: Number(gid) }];
  });
}

/** Makes everything below `dir` the server's, when it is not. */
export async function giveTo(owner: number | undefined, dir: string): Promise<void> {
  if (owner === undefined || (await lstat(dir)).uid === owner) return;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chown(join(entry.parentPath, entry.name), owner, owner);
  }
  // Last: when this is interrupted, the next start begins anew.
  await chown(dir, owner, owner);
}

function direct(binDir: string, program: string, args: readonly string[], options: Launch['options']): Launch {
  return { command: join(binDir, program), args: [...args], options };
}

async function starts({ command, args, options }: Launch): Promise<boolean> {
  try {
    await run(command, args, { ...options, env: SERVER_ENVIRONMENT, cwd: '/', timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

async function copyOnce(from: string, to: string): Promise<void> {
  const complete = await access(join(to, 'bin', 'postgres'), constants.X_OK).then(
    () => true,
    () => false,
  );
  if (complete) return;
  // The program last: its presence says that the copy is whole.
  for (const part of ['lib', 'share', 'bin']) await cp(join(from, part), join(to, part), { recursive: true });
}
