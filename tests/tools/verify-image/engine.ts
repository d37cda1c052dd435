/** A Docker engine of this tool's own, with its own data, beside whatever else the machine runs. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Of every container, below the machine's own. */
export const CGROUP = 'audio-gateway-verify';
const START_TIMEOUT_MS = 30_000;
const POLL_MS = 250;

export interface Engine extends AsyncDisposable {
  /** For programs that are to talk to it; `DOCKER` is the client that fits. */
  readonly environment: Record<string, string>;
  /** What a client command prints. @throws with what it says on stderr. */
  docker(...args: string[]): Promise<string>;
}

/** Debian's; another client in front of it in PATH may be too new for the engine. */
const CLIENT = '/usr/bin/docker';

/**
 * `host`: builds reach the network as this machine does, and its firewall is left alone. `private`: with bridges and
 * published ports, in a network namespace that the caller has made.
 */
export async function startEngine(work: string, network: 'host' | 'private'): Promise<Engine> {
  const socket = `unix://${join(work, 'docker.sock')}`;
  const log = openSync(join(work, `dockerd-${network}.log`), 'w');
  const untouched = ['--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false', '--bridge=none'];
  const daemon = spawn(
    'dockerd',
    [
      ...[
        '--data-root',
        join(work, 'docker'),
        '--exec-root',
        join(work, 'exec'),
        '--pidfile',
        join(work, 'docker.pid'),
      ],
      ...['--host', socket, '--storage-driver', 'overlay2'],
      ...['--cgroup-parent', `/${CGROUP}`, ...(network === 'host' ? untouched : [])],
    ],
    { stdio: ['ignore', log, log] },
  );
  const ended = once(daemon, 'exit');
  const environment = { DOCKER: CLIENT, DOCKER_HOST: socket, DOCKER_BUILDKIT: '1' };
  const docker = async (...args: string[]) => {
    const { stdout } = await run(CLIENT, args, { env: { ...process.env, ...environment }, maxBuffer: 64 * 2 ** 20 });
    return stdout.trim();
  };
  const stop = async () => {
    if (daemon.exitCode !== null) return;
    daemon.kill('SIGTERM');
    await ended;
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (
    !(await docker('version').then(
      () => true,
      () => false,
    ))
  ) {
    if (daemon.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`the Docker engine did not start; see ${join(work, `dockerd-${network}.log`)}`);
    }
    await sleep(POLL_MS);
  }
  return { environment, docker, [Symbol.asyncDispose]: stop };
}
