/** Installs Debian packages, as root. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

const TIMEOUT_MS = 10 * 60_000;

export async function aptInstall(...packages: string[]): Promise<void> {
  const install = ['install', '-y', ...packages];
  try {
    await aptGet(install);
  } catch {
    await aptGet(['update']);
    await aptGet(install);
  }
}

/** Waits for another apt run to end: an image build or another test file may hold the lock. */
async function aptGet(args: string[]): Promise<void> {
  await run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
}
